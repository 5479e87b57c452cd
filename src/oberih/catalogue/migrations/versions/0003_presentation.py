"""how models are shown"""

import sqlalchemy as sa
from alembic import op

import oberih.catalogue.database

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "presentation",
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("opening", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("annotations", sa.JSON(), nullable=False),
        sa.Column("tours", sa.JSON(), nullable=False),
        sa.Column("before", sa.String(), nullable=True),
        sa.Column("judged", sa.JSON(), nullable=False),
        sa.Column("posters", sa.JSON(), nullable=False),
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created", oberih.catalogue.database.Moment(timezone=True), nullable=False),
        sa.Column("changed", oberih.catalogue.database.Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["subject"], ["subject.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("presentation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_presentation_subject"), ["subject"], unique=False)
