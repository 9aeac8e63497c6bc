import django.contrib.postgres.fields
import django.core.validators
from django.db import migrations, models

import sip.validators
from tenants import dbops


class Migration(migrations.Migration):

    dependencies = [
        ('sip', '0004_line_ha1_sha512_256'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                # The column was an address (inet), whose text would carry a prefix length.
                migrations.RunSQL(
                    'ALTER TABLE sip_trunk ALTER COLUMN host TYPE varchar(253) USING host(host);',
                    'ALTER TABLE sip_trunk ALTER COLUMN host TYPE inet USING host::inet;',
                ),
            ],
            state_operations=[
                migrations.AlterField(
                    model_name='trunk',
                    name='host',
                    field=models.CharField(blank=True, help_text='IP address or name the INVITE goes to. Empty for a trunk that looks numbers up by ENUM.', max_length=253, validators=[sip.validators.validate_host]),
                ),
            ],
        ),
        migrations.AlterField(
            model_name='trunk',
            name='port',
            field=models.PositiveIntegerField(blank=True, help_text="Empty: what the name's SRV records say, else the transport's own.", null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(65535)]),
        ),
        migrations.AlterField(
            model_name='trunk',
            name='transport',
            field=models.CharField(blank=True, choices=[('udp', 'UDP'), ('tcp', 'TCP'), ('tls', 'TLS')], default='udp', help_text="Empty: what the name's NAPTR and SRV records say.", max_length=3),
        ),
        migrations.AlterField(
            model_name='trunk',
            name='source_addresses',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=51, validators=[sip.validators.validate_source]), blank=True, default=list, help_text='Addresses its calls come from; address:port narrows. Empty means those of the host, from any port.', size=64),
        ),
        migrations.AddField(
            model_name='trunk',
            name='enum_suffix',
            field=models.CharField(blank=True, default='', help_text='Numbers are looked up below this domain (e164.arpa, or a private one) and called where it says.', max_length=253, validators=[sip.validators.validate_domain], verbose_name='ENUM suffix'),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='trunk',
            name='ha1_sha256',
            field=models.CharField(blank=True, default='', editable=False, max_length=64),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='trunk',
            name='ha1_sha512_256',
            field=models.CharField(blank=True, default='', editable=False, max_length=64),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='trunk',
            name='ping_interval_s',
            field=models.PositiveIntegerField(default=0, help_text='Seconds between two OPTIONS; a trunk that leaves three unanswered is passed over. 0 for none.', validators=[django.core.validators.MaxValueValidator(3600)], verbose_name='OPTIONS interval'),
        ),
        migrations.AddField(
            model_name='trunk',
            name='follows_redirects',
            field=models.BooleanField(default=False, help_text='Follow a 3xx that names the carrier itself; any other is a failure.'),
        ),
        # The new secrets must be masked in the audit too: the trigger names the columns it hides.
        migrations.RunSQL('DROP TRIGGER audit ON sip_trunk;', migrations.RunSQL.noop),
        dbops.Audited('sip_trunk', ('ha1_md5', 'ha1_sha256', 'ha1_sha512_256')),
    ]
