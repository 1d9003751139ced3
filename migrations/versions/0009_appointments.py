"""appointments: offices, the practice's lists, the schedule, visit notes, requests, and what goes out by itself

Revision: 0009 after 0008
"""

import sqlalchemy as sa
from alembic import op

from migrations.checks import change_check
from portal.extensions import UTCDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ORIGINS = "origin IN ('staff', 'fresh_link', 'bulk')"
MORE_ORIGINS = "origin IN ('staff', 'fresh_link', 'bulk', 'automatic')"
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SWITCHES = {
    "confirmation_mails": False,
    "reminder_mails": False,
    "invite_in_confirmations": False,
    "invite_in_reminders": False,
    "invite_after_first_visit": False,
    "portal_appointments": True,
}
NUMBERS = {
    "appointment_reminder_hours": (24, "appointment_reminder_hours BETWEEN 1 AND 168"),
    "quiet_from": (1260, "quiet_from BETWEEN 0 AND 1439"),
    "quiet_until": (480, "quiet_until BETWEEN 0 AND 1439"),
}
TABLES = (
    "visit_note",
    "appointment_request",
    "appointment_notice",
    "appointment_consent",
    "appointment",
    "exam_room",
    "schedule_list_entry",
    "office",
    "appointment_status",
)


def upgrade() -> None:
    op.create_table('appointment_status',
    sa.Column('id', BIG, nullable=False),
    sa.Column('public_id', sa.String(length=22), nullable=False),
    sa.Column('practice_id', BIG, nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('meaning', sa.String(length=10), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('closed_at', UTCDateTime(), nullable=True),
    sa.CheckConstraint("meaning IN ('scheduled', 'confirmed', 'arrived', 'in_room', 'completed', 'no_show', 'cancelled')", name=op.f('ck_appointment_status_meaning')),
    sa.ForeignKeyConstraint(['practice_id'], ['practice.id'], name=op.f('fk_appointment_status_practice_id_practice')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_appointment_status')),
    sa.UniqueConstraint('practice_id', 'name', name=op.f('uq_appointment_status_practice_id_name')),
    sa.UniqueConstraint('public_id', name=op.f('uq_appointment_status_public_id'))
    )
    op.create_table('office',
    sa.Column('id', BIG, nullable=False),
    sa.Column('public_id', sa.String(length=22), nullable=False),
    sa.Column('practice_id', BIG, nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('time_zone', sa.String(length=64), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('closed_at', UTCDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['practice_id'], ['practice.id'], name=op.f('fk_office_practice_id_practice')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_office')),
    sa.UniqueConstraint('practice_id', 'name', name=op.f('uq_office_practice_id_name')),
    sa.UniqueConstraint('public_id', name=op.f('uq_office_public_id'))
    )
    op.create_table('schedule_list_entry',
    sa.Column('id', BIG, nullable=False),
    sa.Column('public_id', sa.String(length=22), nullable=False),
    sa.Column('practice_id', BIG, nullable=False),
    sa.Column('kind', sa.String(length=12), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('minutes', sa.Integer(), nullable=True),
    sa.Column('colour', sa.String(length=7), nullable=True),
    sa.Column('preset', sa.Boolean(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('closed_at', UTCDateTime(), nullable=True),
    sa.CheckConstraint("kind IN ('profile', 'eligibility', 'consent')", name=op.f('ck_schedule_list_entry_kind')),
    sa.CheckConstraint('minutes BETWEEN 1 AND 1440', name=op.f('ck_schedule_list_entry_minutes')),
    sa.ForeignKeyConstraint(['practice_id'], ['practice.id'], name=op.f('fk_schedule_list_entry_practice_id_practice')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_schedule_list_entry')),
    sa.UniqueConstraint('practice_id', 'kind', 'name', name=op.f('uq_schedule_list_entry_practice_id_kind_name')),
    sa.UniqueConstraint('public_id', name=op.f('uq_schedule_list_entry_public_id'))
    )
    op.create_table('exam_room',
    sa.Column('id', BIG, nullable=False),
    sa.Column('public_id', sa.String(length=22), nullable=False),
    sa.Column('office_id', BIG, nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('closed_at', UTCDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['office_id'], ['office.id'], name=op.f('fk_exam_room_office_id_office')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_exam_room')),
    sa.UniqueConstraint('office_id', 'name', name=op.f('uq_exam_room_office_id_name')),
    sa.UniqueConstraint('public_id', name=op.f('uq_exam_room_public_id'))
    )
    op.create_table('appointment',
    sa.Column('id', BIG, nullable=False),
    sa.Column('public_id', sa.String(length=22), nullable=False),
    sa.Column('practice_id', BIG, nullable=False),
    sa.Column('patient_id', BIG, nullable=False),
    sa.Column('office_id', BIG, nullable=False),
    sa.Column('provider_id', BIG, nullable=True),
    sa.Column('supervising_provider_id', BIG, nullable=True),
    sa.Column('exam_room_id', BIG, nullable=True),
    sa.Column('profile_id', BIG, nullable=True),
    sa.Column('eligibility_id', BIG, nullable=True),
    sa.Column('status_id', BIG, nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('starts_at', UTCDateTime(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('minutes', sa.Integer(), nullable=False),
    sa.Column('reason', sa.String(length=300), nullable=False),
    sa.Column('notes', sa.Text(), nullable=False),
    sa.Column('colour', sa.String(length=7), nullable=True),
    sa.Column('video_visit', sa.Boolean(), nullable=False),
    sa.Column('walk_in', sa.Boolean(), nullable=False),
    sa.Column('transition_of_care', sa.Boolean(), nullable=False),
    sa.Column('referral', sa.Boolean(), nullable=False),
    sa.Column('series', sa.String(length=22), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('confirmed_at', UTCDateTime(), nullable=True),
    sa.Column('confirmed_by', sa.String(length=10), nullable=True),
    sa.Column('completed_at', UTCDateTime(), nullable=True),
    sa.Column('cancelled_at', UTCDateTime(), nullable=True),
    sa.Column('source_id', sa.String(length=120), nullable=True),
    sa.Column('created_at', UTCDateTime(), nullable=False),
    sa.Column('created_by_name', sa.String(length=200), nullable=False),
    sa.Column('updated_at', UTCDateTime(), nullable=False),
    sa.Column('updated_by_name', sa.String(length=200), nullable=False),
    sa.CheckConstraint("confirmed_by IN ('patient', 'staff')", name=op.f('ck_appointment_confirmed_by')),
    sa.CheckConstraint("state IN ('scheduled', 'confirmed', 'arrived', 'in_room', 'completed', 'no_show', 'cancelled')", name=op.f('ck_appointment_state')),
    sa.CheckConstraint('minutes BETWEEN 1 AND 1440', name=op.f('ck_appointment_minutes')),
    sa.ForeignKeyConstraint(['eligibility_id'], ['schedule_list_entry.id'], name=op.f('fk_appointment_eligibility_id_schedule_list_entry')),
    sa.ForeignKeyConstraint(['exam_room_id'], ['exam_room.id'], name=op.f('fk_appointment_exam_room_id_exam_room')),
    sa.ForeignKeyConstraint(['office_id'], ['office.id'], name=op.f('fk_appointment_office_id_office')),
    sa.ForeignKeyConstraint(['patient_id'], ['patient.id'], name=op.f('fk_appointment_patient_id_patient')),
    sa.ForeignKeyConstraint(['practice_id'], ['practice.id'], name=op.f('fk_appointment_practice_id_practice')),
    sa.ForeignKeyConstraint(['profile_id'], ['schedule_list_entry.id'], name=op.f('fk_appointment_profile_id_schedule_list_entry')),
    sa.ForeignKeyConstraint(['provider_id'], ['provider.id'], name=op.f('fk_appointment_provider_id_provider')),
    sa.ForeignKeyConstraint(['status_id'], ['appointment_status.id'], name=op.f('fk_appointment_status_id_appointment_status')),
    sa.ForeignKeyConstraint(['supervising_provider_id'], ['provider.id'], name=op.f('fk_appointment_supervising_provider_id_provider')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_appointment')),
    sa.UniqueConstraint('practice_id', 'source_id', name=op.f('uq_appointment_practice_id_source_id')),
    sa.UniqueConstraint('public_id', name=op.f('uq_appointment_public_id'))
    )
    op.create_index(op.f('ix_appointment_patient_id_starts_at'), 'appointment', ['patient_id', 'starts_at'], unique=False)
    op.create_index(op.f('ix_appointment_practice_id_day_starts_at_id'), 'appointment', ['practice_id', 'day', 'starts_at', 'id'], unique=False)
    op.create_table('appointment_consent',
    sa.Column('appointment_id', BIG, nullable=False),
    sa.Column('form_id', BIG, nullable=False),
    sa.ForeignKeyConstraint(['appointment_id'], ['appointment.id'], name=op.f('fk_appointment_consent_appointment_id_appointment'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['form_id'], ['schedule_list_entry.id'], name=op.f('fk_appointment_consent_form_id_schedule_list_entry')),
    sa.PrimaryKeyConstraint('appointment_id', 'form_id', name=op.f('pk_appointment_consent'))
    )
    op.create_table('appointment_notice',
    sa.Column('id', BIG, nullable=False),
    sa.Column('public_id', sa.String(length=22), nullable=False),
    sa.Column('practice_id', BIG, nullable=False),
    sa.Column('appointment_id', BIG, nullable=False),
    sa.Column('patient_id', BIG, nullable=False),
    sa.Column('kind', sa.String(length=12), nullable=False),
    sa.Column('starts_at', UTCDateTime(), nullable=False),
    sa.Column('due_at', UTCDateTime(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('reason', sa.String(length=40), nullable=True),
    sa.Column('invited', sa.Boolean(), nullable=False),
    sa.Column('settled_at', UTCDateTime(), nullable=True),
    sa.CheckConstraint("kind IN ('confirmation', 'reminder', 'first_visit')", name=op.f('ck_appointment_notice_kind')),
    sa.CheckConstraint("state IN ('planned', 'sent', 'skipped', 'cancelled')", name=op.f('ck_appointment_notice_state')),
    sa.ForeignKeyConstraint(['appointment_id'], ['appointment.id'], name=op.f('fk_appointment_notice_appointment_id_appointment')),
    sa.ForeignKeyConstraint(['patient_id'], ['patient.id'], name=op.f('fk_appointment_notice_patient_id_patient')),
    sa.ForeignKeyConstraint(['practice_id'], ['practice.id'], name=op.f('fk_appointment_notice_practice_id_practice')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_appointment_notice')),
    sa.UniqueConstraint('appointment_id', 'kind', 'starts_at', name=op.f('uq_appointment_notice_appointment_id_kind_starts_at')),
    sa.UniqueConstraint('public_id', name=op.f('uq_appointment_notice_public_id'))
    )
    op.create_index('ix_appointment_notice_due', 'appointment_notice', ['due_at', 'id'], unique=False, sqlite_where=sa.text("state = 'planned'"), postgresql_where=sa.text("state = 'planned'"))
    op.create_index(op.f('ix_appointment_notice_patient_id'), 'appointment_notice', ['patient_id'], unique=False)
    op.create_table('appointment_request',
    sa.Column('id', BIG, nullable=False),
    sa.Column('public_id', sa.String(length=22), nullable=False),
    sa.Column('practice_id', BIG, nullable=False),
    sa.Column('patient_id', BIG, nullable=False),
    sa.Column('appointment_id', BIG, nullable=True),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('wish', sa.String(length=500), nullable=False),
    sa.Column('created_at', UTCDateTime(), nullable=False),
    sa.Column('settled_at', UTCDateTime(), nullable=True),
    sa.Column('settled_by_name', sa.String(length=200), nullable=True),
    sa.CheckConstraint("(kind = 'change') = (appointment_id IS NOT NULL)", name=op.f('ck_appointment_request_appointment')),
    sa.CheckConstraint("kind IN ('new', 'change')", name=op.f('ck_appointment_request_kind')),
    sa.ForeignKeyConstraint(['appointment_id'], ['appointment.id'], name=op.f('fk_appointment_request_appointment_id_appointment')),
    sa.ForeignKeyConstraint(['patient_id'], ['patient.id'], name=op.f('fk_appointment_request_patient_id_patient')),
    sa.ForeignKeyConstraint(['practice_id'], ['practice.id'], name=op.f('fk_appointment_request_practice_id_practice')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_appointment_request')),
    sa.UniqueConstraint('public_id', name=op.f('uq_appointment_request_public_id'))
    )
    op.create_index('ix_appointment_request_open', 'appointment_request', ['practice_id', 'created_at'], unique=False, sqlite_where=sa.text('settled_at IS NULL'), postgresql_where=sa.text('settled_at IS NULL'))
    op.create_index(op.f('ix_appointment_request_patient_id'), 'appointment_request', ['patient_id'], unique=False)
    op.create_table('visit_note',
    sa.Column('appointment_id', BIG, nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', UTCDateTime(), nullable=False),
    sa.Column('updated_by_name', sa.String(length=200), nullable=False),
    sa.ForeignKeyConstraint(['appointment_id'], ['appointment.id'], name=op.f('fk_visit_note_appointment_id_appointment'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('appointment_id', name=op.f('pk_visit_note'))
    )

    change_check("invitation", "origin", ORIGINS, MORE_ORIGINS)
    op.add_column("patient", sa.Column("balance_cents", sa.Integer(), nullable=True))
    for name, on in SWITCHES.items():
        default = sa.true() if on else sa.false()
        op.add_column(
            "practice", sa.Column(name, sa.Boolean(), nullable=False, server_default=default)
        )
    for name, (number, condition) in NUMBERS.items():
        # SQLite adds a CHECK to a table that stands only together with a column
        op.execute(
            f"ALTER TABLE practice ADD COLUMN {name} INTEGER NOT NULL DEFAULT {number}"
            f" CONSTRAINT ck_practice_{name} CHECK ({condition})"
        )


def downgrade() -> None:
    for name in (*NUMBERS, *SWITCHES):
        op.drop_column("practice", name)
    op.drop_column("patient", "balance_cents")
    for name in TABLES:
        op.drop_table(name)
    op.execute("UPDATE invitation SET origin = 'bulk' WHERE origin = 'automatic'")
    change_check("invitation", "origin", MORE_ORIGINS, ORIGINS)
