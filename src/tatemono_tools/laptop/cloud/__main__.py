"""`python -m tatemono_tools.laptop.cloud`: the embedded cloud as one process in the foreground."""

import os
import shutil
import sys

from tatemono_tools.laptop.cloud.settings import CloudSettings, SettingsError


def main() -> None:
    try:
        settings = CloudSettings.read(os.environ)
    except SettingsError as error:
        sys.exit(f"embedded cloud: {error}")
    os.umask(0o077)
    for folder in (settings.state_dir, settings.state_dir / "services", settings.state_dir / "s3"):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    # Unpacked Lambda functions; those of a process that was killed are of no use.
    shutil.rmtree(settings.state_dir / "tmp", ignore_errors=True)
    (settings.state_dir / "tmp").mkdir()
    # Lambda functions get their own variables from MiniStack, and need none of ours.
    for name in [name for name in os.environ if name.startswith(("CLOUD_", "AWS_"))]:
        del os.environ[name]
    os.environ.update(settings.for_ministack())

    # MiniStack reads the environment while it is imported, which is why it is imported now.
    from tatemono_tools.laptop.cloud.launcher import serve  # noqa: PLC0415 - see above

    serve(settings)


if __name__ == "__main__":
    main()
