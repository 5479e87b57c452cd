"""captures of two gigabytes and more, on PostgreSQL"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("capture", schema=None) as batch_op:
        batch_op.alter_column(
            "bytes", existing_type=sa.Integer(), type_=sa.BigInteger(), existing_nullable=False
        )
