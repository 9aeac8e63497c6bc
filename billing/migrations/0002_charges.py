"""Charges: a table partitioned by month, which Django cannot make."""

import django.db.models.deletion
from django.db import migrations, models

from billing import dbrules
from sip import partitions
from tenants import dbops


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0001_initial'),
        ('sip', '0002_calls'),
        ('tenants', '0001_initial'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[dbrules.CHARGE_TABLE],
            state_operations=[
                migrations.CreateModel(
                    name='Charge',
                    fields=[
                        ('call_id', models.UUIDField(primary_key=True, serialize=False)),
                        ('status', models.CharField(choices=[('rated', 'Rated'), ('unrated', 'Unrated')], max_length=8)),
                        ('problem', models.CharField(blank=True, choices=[('no_account', 'No such account'), ('no_deck', 'The account has no rate deck'), ('no_rate', 'The deck has no rate for the number'), ('currency', 'The deck is in another currency than the account'), ('duration', 'The duration is impossible')], max_length=20)),
                        ('started_at', models.DateTimeField()),
                        ('number', models.CharField(help_text='E.164 that was charged.', max_length=16)),
                        ('duration_s', models.PositiveIntegerField(help_text='Answered time, whole seconds, rounded up.')),
                        ('billed_s', models.PositiveIntegerField(default=0)),
                        ('amount_nanos', models.BigIntegerField(default=0)),
                        ('raw', models.BigIntegerField(default=0, help_text='Price before its one rounding, in sixtieths of a nano-unit.')),
                        ('currency', models.CharField(max_length=3)),
                        ('deck_id', models.BigIntegerField(null=True)),
                        ('deck_version', models.PositiveIntegerField(null=True)),
                        ('prefix', models.CharField(blank=True, max_length=15)),
                        ('destination', models.CharField(blank=True, max_length=120)),
                        ('nanos_per_minute', models.BigIntegerField(default=0)),
                        ('connect_fee_nanos', models.BigIntegerField(default=0)),
                        ('first_s', models.PositiveSmallIntegerField(default=0)),
                        ('next_s', models.PositiveSmallIntegerField(default=0)),
                        ('trunk_id', models.BigIntegerField(null=True)),
                        ('cost_nanos', models.BigIntegerField(help_text='What the vendor charges; empty when not known.', null=True)),
                        ('cost_currency', models.CharField(blank=True, max_length=3)),
                        ('cost_deck_id', models.BigIntegerField(null=True)),
                        ('cost_prefix', models.CharField(blank=True, max_length=15)),
                        ('cost_nanos_per_minute', models.BigIntegerField(null=True)),
                        ('charged_at', models.DateTimeField()),
                        ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='charges', to='billing.account')),
                        ('tenant', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                        ('invoice', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='charges', to='billing.invoice')),
                    ],
                    options={
                        'ordering': ('-started_at', '-call_id'),
                    },
                ),
            ],
        ),
        dbops.TenantOwned('billing_charge'),
        dbrules.CHARGES_STAND,
        partitions.MonthlyPartitions('billing_charge'),
    ]
