"""the true size of a model, measured by a custodian"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("review", schema=None) as batch_op:
        batch_op.add_column(sa.Column("known_length", sa.JSON(), nullable=False, server_default="{}"))
        batch_op.add_column(sa.Column("metres_per_unit", sa.Double(), nullable=True))
