# Made by makemigrations; the operations of ours follow.

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import sip.validators
from django.db import migrations, models

from tenants import dbops


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('tenants', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Line',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('username', models.CharField(error_messages={'unique': 'This username is taken.'}, max_length=64, unique=True, validators=[django.core.validators.RegexValidator('\\A[A-Za-z0-9][A-Za-z0-9._-]{1,63}\\Z', 'Two to 64 letters, digits, dots, hyphens or underscores; they need no escaping in a SIP URI.')])),
                ('extension', models.CharField(blank=True, help_text="Short number the tenant's other lines dial.", max_length=8, validators=[django.core.validators.RegexValidator('\\A[0-9]{2,8}\\Z', 'Two to eight digits.')])),
                ('realm', models.CharField(editable=False, help_text='The realm the digests were made for.', max_length=255)),
                ('ha1_md5', models.CharField(editable=False, max_length=32)),
                ('ha1_sha256', models.CharField(editable=False, max_length=64)),
                ('display_name', models.CharField(blank=True, max_length=80)),
                ('caller_number', models.CharField(blank=True, help_text='E.164 number shown to the outside.', max_length=16, validators=[sip.validators.validate_e164])),
                ('contacts_max', models.PositiveSmallIntegerField(default=5, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(20)], verbose_name='phones at once')),
                ('calls_max', models.PositiveSmallIntegerField(default=10, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1000)], verbose_name='calls at once')),
                ('is_active', models.BooleanField(default=True)),
                ('blocked_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('blocked_reason', models.CharField(blank=True, editable=False, max_length=200)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='tenants.tenant')),
            ],
            options={
                'ordering': ('username',),
            },
        ),
        migrations.CreateModel(
            name='Trunk',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80)),
                ('host', models.GenericIPAddressField(help_text='IP address the INVITE goes to.')),
                ('port', models.PositiveIntegerField(default=5060, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(65535)])),
                ('transport', models.CharField(choices=[('udp', 'UDP'), ('tcp', 'TCP')], default='udp', max_length=3)),
                ('source_addresses', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=51, validators=[sip.validators.validate_source]), blank=True, default=list, help_text='Addresses its calls come from; address:port narrows. Empty means the host, from any port.', size=64)),
                ('calls_max', models.PositiveIntegerField(default=1000, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(60000)], verbose_name='calls at once')),
                ('is_active', models.BooleanField(default=True)),
                ('country', models.CharField(default='US', help_text='ISO 3166 alpha-2: how its numbers are read.', max_length=2)),
                ('auth_username', models.CharField(blank=True, help_text='When the carrier challenges us.', max_length=64, verbose_name='user name')),
                ('auth_realm', models.CharField(blank=True, max_length=255, verbose_name='realm')),
                ('ha1_md5', models.CharField(blank=True, editable=False, max_length=32)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='trunks', to='tenants.tenant')),
            ],
            options={
                'ordering': ('name',),
            },
        ),
        migrations.CreateModel(
            name='Route',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('prefix', models.CharField(blank=True, help_text='Digits without the plus, or a short code; empty for every number.', max_length=15, validators=[django.core.validators.RegexValidator('\\A[0-9]{0,15}\\Z', 'Up to 15 digits without the plus; empty for every number.')])),
                ('priority', models.PositiveSmallIntegerField(default=100, help_text='Lower is tried first.')),
                ('is_active', models.BooleanField(default=True)),
                ('tenant', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='routes', to='tenants.tenant')),
                ('trunk', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='routes', to='sip.trunk')),
            ],
            options={
                'ordering': ('prefix', 'priority', 'id'),
            },
        ),
        migrations.CreateModel(
            name='SpoolOffset',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('node', models.CharField(max_length=64)),
                ('segment', models.IntegerField()),
                ('segment_id', models.CharField(help_text='Tells a segment from one of the same name before a wipe.', max_length=32)),
                ('offset', models.BigIntegerField()),
                ('updated_at', models.DateTimeField()),
            ],
            options={
                'ordering': ('node', 'segment'),
                'constraints': [models.UniqueConstraint(fields=('node', 'segment'), name='spool_offset_unique')],
            },
        ),
        migrations.CreateModel(
            name='QuarantinedFrame',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('node', models.CharField(max_length=64)),
                ('segment', models.IntegerField()),
                ('offset', models.BigIntegerField()),
                ('call_id', models.CharField(blank=True, max_length=64)),
                ('reason', models.CharField(max_length=200)),
                ('payload', models.BinaryField(help_text='The bytes as found; of a damaged stretch its first 64 KiB.')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ('-created_at', '-id'),
            },
        ),
        migrations.AddConstraint(
            model_name='line',
            constraint=models.UniqueConstraint(condition=models.Q(('extension', ''), _negated=True), fields=('tenant', 'extension'), name='line_extension_unique'),
        ),
        migrations.AddConstraint(
            model_name='line',
            constraint=models.CheckConstraint(condition=models.Q(('blocked_at__isnull', True), models.Q(('blocked_reason', ''), _negated=True), _connector='OR'), name='line_block_has_reason'),
        ),
        migrations.AddConstraint(
            model_name='trunk',
            constraint=models.UniqueConstraint(fields=('tenant', 'name'), name='trunk_name_unique'),
        ),
        migrations.AddConstraint(
            model_name='route',
            constraint=models.UniqueConstraint(fields=('trunk', 'prefix'), name='route_unique'),
        ),
        dbops.TenantOwned('sip_line'),
        dbops.TenantOwned('sip_trunk'),
        dbops.TenantOwned('sip_route'),
        dbops.Audited('sip_line', ('ha1_md5', 'ha1_sha256')),
        dbops.Audited('sip_trunk', ('ha1_md5',)),
        dbops.Audited('sip_route'),
        dbops.Notifies('sip_line', 'lines'),
        dbops.Notifies('sip_trunk', 'trunks'),
        dbops.Notifies('sip_route', 'routes'),
        # A frame may be of any tenant or of none: only who sees all tenants sees it.
        migrations.RunSQL(
            "ALTER TABLE sip_quarantinedframe ENABLE ROW LEVEL SECURITY;"
            "ALTER TABLE sip_quarantinedframe FORCE ROW LEVEL SECURITY;"
            "CREATE POLICY platform_only ON sip_quarantinedframe"
            " USING (current_setting('app.all_tenants', true) = 'on');",
            "DROP POLICY platform_only ON sip_quarantinedframe;"
            "ALTER TABLE sip_quarantinedframe DISABLE ROW LEVEL SECURITY;",
        ),
    ]
