"""Hourly traffic, and the marks that say which hours to make anew."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

from tenants import dbops

# A price that changes after the call was counted (a re-rated call) changes its hour's figures, whoever wrote it. Not a
# statement trigger: those cannot be bound to columns, and an invoice run touches every charge without changing one.
CHARGES_MARK_HOURS = migrations.RunSQL(
    """
CREATE FUNCTION analytics_charge_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO analytics_dirtyhour (tenant_id, hour) VALUES (NEW.tenant_id, date_trunc('hour', NEW.started_at, 'UTC'));
  RETURN NULL;
END $$;
CREATE TRIGGER analytics_changed AFTER UPDATE OF status, amount_nanos, cost_nanos ON billing_charge
  FOR EACH ROW EXECUTE FUNCTION analytics_charge_changed();
""",
    "DROP TRIGGER analytics_changed ON billing_charge; DROP FUNCTION analytics_charge_changed();",
)


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('billing', '0002_charges'),
        ('sip', '0002_calls'),
        ('tenants', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='DirtyHour',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('hour', models.DateTimeField()),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
            options={
                'ordering': ('id',),
                'indexes': [models.Index(fields=['hour'], name='dirtyhour_hour')],
            },
        ),
        migrations.CreateModel(
            name='HourlyTraffic',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('hour', models.DateTimeField()),
                ('basis', models.CharField(choices=[('call', 'Calls'), ('trunk', 'Trunk attempts')], max_length=5)),
                ('direction', models.CharField(choices=[('internal', 'Internal'), ('outbound', 'Outbound'), ('inbound', 'Inbound')], max_length=8)),
                ('destination', models.CharField(help_text='ISO 3166 code of the called number, or a group of its own.', max_length=8)),
                ('currency', models.CharField(max_length=3)),
                ('seizures', models.IntegerField()),
                ('answered', models.IntegerField()),
                ('effective', models.IntegerField()),
                ('refused', models.IntegerField()),
                ('duration_ms', models.BigIntegerField()),
                ('pdd_count', models.IntegerField()),
                ('pdd_sum_ms', models.BigIntegerField()),
                ('pdd_histogram', django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), size=19)),
                ('revenue_nanos', models.BigIntegerField()),
                ('cost_nanos', models.BigIntegerField()),
                ('unrated', models.IntegerField(help_text='Charged calls that have no price yet.')),
                ('uncosted', models.IntegerField(help_text='Charged calls over a trunk whose cost is not known.')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='hourly_traffic', to='tenants.tenant')),
                ('trunk', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='hourly_traffic', to='sip.trunk')),
            ],
            options={
                'verbose_name_plural': 'hourly traffic',
                'ordering': ('-hour', 'id'),
                'indexes': [models.Index(fields=['hour'], name='hourlytraffic_hour')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'hour', 'basis', 'direction', 'trunk', 'destination', 'currency'), name='hourlytraffic_unique', nulls_distinct=False)],
            },
        ),
        dbops.TenantOwned('analytics_hourlytraffic'),
        dbops.TenantOwned('analytics_dirtyhour'),
        CHARGES_MARK_HOURS,
    ]
