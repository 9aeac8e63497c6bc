"""Call records and their attempts: tables partitioned by month, which Django cannot make."""

import django.db.models.deletion
from django.db import migrations, models

from sip import partitions
from tenants import dbops

CALLS = """
CREATE TABLE sip_call (
  call_id uuid NOT NULL,
  node text NOT NULL,
  tenant_id bigint NOT NULL,
  direction text NOT NULL,
  caller text NOT NULL,
  called text NOT NULL,
  dialled text NOT NULL,
  destination text NOT NULL,
  account_id bigint,
  a_line_id bigint,
  a_trunk_id bigint,
  b_line_id bigint,
  b_trunk_id bigint,
  sip_call_id text NOT NULL,
  from_tag text NOT NULL,
  peer text NOT NULL,
  user_agent text NOT NULL,
  started_at timestamptz NOT NULL,
  ringing_at timestamptz,
  answered_at timestamptz,
  ended_at timestamptz NOT NULL,
  duration_s double precision NOT NULL CHECK (duration_s >= 0),
  pdd_s double precision,
  ended_by text NOT NULL,
  sip_status smallint NOT NULL,
  sip_reason text NOT NULL,
  q850_cause smallint NOT NULL,
  a_q850_cause smallint NOT NULL,
  b_q850_cause smallint NOT NULL,
  refusal_code text NOT NULL,
  fraud_rule_id bigint,
  is_emergency boolean NOT NULL,
  loaded_at timestamptz NOT NULL DEFAULT statement_timestamp(),
  PRIMARY KEY (call_id, started_at, tenant_id)
) PARTITION BY RANGE (started_at);
CREATE INDEX call_tenant_started ON sip_call (tenant_id, started_at);
CREATE INDEX call_started ON sip_call (started_at);
CREATE INDEX call_caller ON sip_call (caller, started_at);
CREATE INDEX call_called ON sip_call (called, started_at);
"""

ATTEMPTS = """
CREATE SEQUENCE sip_callattempt_id_seq CACHE 64;
CREATE TABLE sip_callattempt (
  id bigint NOT NULL DEFAULT nextval('sip_callattempt_id_seq'),
  call_id uuid NOT NULL,
  call_started_at timestamptz NOT NULL,
  tenant_id bigint NOT NULL,
  attempt smallint NOT NULL,
  line_id bigint,
  trunk_id bigint,
  called text NOT NULL,
  sip_call_id text NOT NULL,
  started_at timestamptz NOT NULL,
  ringing_at timestamptz,
  answered_at timestamptz,
  ended_at timestamptz NOT NULL,
  sip_status smallint NOT NULL,
  sip_reason text NOT NULL,
  q850_cause smallint NOT NULL,
  is_last boolean NOT NULL,
  peer text NOT NULL,
  PRIMARY KEY (call_id, attempt, call_started_at, tenant_id)
) PARTITION BY RANGE (call_started_at);
ALTER SEQUENCE sip_callattempt_id_seq OWNED BY sip_callattempt.id;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('sip', '0001_initial'),
        ('tenants', '0001_initial'),
    ]

    operations = [
        partitions.CREATE_FUNCTION,
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(CALLS, "DROP TABLE sip_call"),
                migrations.RunSQL(ATTEMPTS, "DROP TABLE sip_callattempt"),
            ],
            state_operations=[
                migrations.CreateModel(
                    name='Call',
                    fields=[
                        ('call_id', models.UUIDField(primary_key=True, serialize=False)),
                        ('node', models.CharField(max_length=64)),
                        ('direction', models.CharField(choices=[('internal', 'Internal'), ('outbound', 'Outbound'), ('inbound', 'Inbound')], max_length=8)),
                        ('caller', models.CharField(max_length=255)),
                        ('called', models.CharField(max_length=255)),
                        ('dialled', models.CharField(max_length=255)),
                        ('destination', models.CharField(blank=True, max_length=16)),
                        ('account_id', models.BigIntegerField(null=True)),
                        ('sip_call_id', models.CharField(max_length=255, verbose_name='SIP Call-ID')),
                        ('from_tag', models.CharField(max_length=255, verbose_name='From tag')),
                        ('peer', models.CharField(max_length=64)),
                        ('user_agent', models.CharField(blank=True, max_length=255)),
                        ('started_at', models.DateTimeField()),
                        ('ringing_at', models.DateTimeField(null=True)),
                        ('answered_at', models.DateTimeField(null=True)),
                        ('ended_at', models.DateTimeField()),
                        ('duration_s', models.FloatField(verbose_name='duration, s')),
                        ('pdd_s', models.FloatField(null=True, verbose_name='post-dial delay, s')),
                        ('ended_by', models.CharField(choices=[('caller', 'Caller'), ('callee', 'Callee'), ('platform', 'Platform')], max_length=8)),
                        ('sip_status', models.SmallIntegerField(verbose_name='SIP status')),
                        ('sip_reason', models.CharField(blank=True, max_length=255, verbose_name='SIP reason')),
                        ('q850_cause', models.SmallIntegerField(verbose_name='Q.850 cause')),
                        ('a_q850_cause', models.SmallIntegerField(verbose_name='Q.850 cause, caller')),
                        ('b_q850_cause', models.SmallIntegerField(verbose_name='Q.850 cause, called')),
                        ('refusal_code', models.CharField(blank=True, max_length=64)),
                        ('fraud_rule_id', models.BigIntegerField(null=True)),
                        ('is_emergency', models.BooleanField(default=False)),
                        ('loaded_at', models.DateTimeField()),
                        ('tenant', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='calls', to='tenants.tenant')),
                        ('a_line', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='calls_made', to='sip.line')),
                        ('b_line', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='calls_taken', to='sip.line')),
                    ],
                    options={
                        'ordering': ('-started_at', '-call_id'),
                    },
                ),
                migrations.CreateModel(
                    name='CallAttempt',
                    fields=[
                        ('id', models.BigAutoField(primary_key=True, serialize=False)),
                        ('call_started_at', models.DateTimeField()),
                        ('attempt', models.SmallIntegerField()),
                        ('called', models.CharField(max_length=255)),
                        ('sip_call_id', models.CharField(max_length=255, verbose_name='SIP Call-ID')),
                        ('started_at', models.DateTimeField()),
                        ('ringing_at', models.DateTimeField(null=True)),
                        ('answered_at', models.DateTimeField(null=True)),
                        ('ended_at', models.DateTimeField()),
                        ('sip_status', models.SmallIntegerField(verbose_name='SIP status')),
                        ('sip_reason', models.CharField(blank=True, max_length=255, verbose_name='SIP reason')),
                        ('q850_cause', models.SmallIntegerField(verbose_name='Q.850 cause')),
                        ('is_last', models.BooleanField()),
                        ('peer', models.CharField(max_length=64)),
                        ('call', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='attempts', to='sip.call')),
                        ('tenant', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='call_attempts', to='tenants.tenant')),
                        ('line', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='attempts', to='sip.line')),
                        ('trunk', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='attempts', to='sip.trunk')),
                    ],
                    options={
                        'ordering': ('call_started_at', 'attempt'),
                    },
                ),
                migrations.AddField(
                    model_name='call',
                    name='a_trunk',
                    field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='calls_brought', to='sip.trunk'),
                ),
                migrations.AddField(
                    model_name='call',
                    name='b_trunk',
                    field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='calls_carried', to='sip.trunk'),
                ),
                migrations.AddIndex(
                    model_name='call',
                    index=models.Index(fields=['tenant', 'started_at'], name='call_tenant_started'),
                ),
                migrations.AddIndex(
                    model_name='call',
                    index=models.Index(fields=['started_at'], name='call_started'),
                ),
                migrations.AddIndex(
                    model_name='call',
                    index=models.Index(fields=['caller', 'started_at'], name='call_caller'),
                ),
                migrations.AddIndex(
                    model_name='call',
                    index=models.Index(fields=['called', 'started_at'], name='call_called'),
                ),
            ],
        ),
        dbops.TenantOwned('sip_call'),
        dbops.TenantOwned('sip_callattempt'),
        dbops.AppendOnly('sip_call'),
        dbops.AppendOnly('sip_callattempt'),
        partitions.MonthlyPartitions('sip_call'),
        partitions.MonthlyPartitions('sip_callattempt'),
    ]
