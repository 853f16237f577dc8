"""`bench.mail_costs` leaves nothing behind."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_its_folder_is_gone_when_it_ends(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", "import bench.mail_costs"],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        check=True,
    )

    assert list(tmp_path.iterdir()) == []
