"""How long the platform waits for its parts, and how much they may write; each with its reason."""

START_S_MAX = 60
"""A process that is not ready by then (cold page cache, crash recovery, two busy cores) is started again."""

POSTGRES_START_S_MAX = 300
"""Crash recovery replays up to `max_wal_size` of changes; killing the server for being slow would begin it anew."""

STOP_S_MAX = 10
"""A process that was told to stop and did not is killed: Docker and systemd lose patience after 10 s and 90 s."""

WORKER_STOP_S_MAX = 8
"""A Celery worker finishes its running task; one that takes longer is delivered again later (late acknowledgement)."""

RESTART_S_MIN = 0.1
"""The first restart comes at once: callers hear nothing meanwhile. Each further one at start doubles it."""

RESTART_S_MAX = 30.0
"""An operator who mends the cause does not wait longer than this for the next attempt."""

STEADY_S = 5.0
"""A process that was up for so long did not die of its start, and begins with the shortest back-off again."""

PROBE_S = 5.0
"""How often a ready process is asked again: a hung one shows on /healthz in about a quarter of a minute."""

PROBE_ANSWER_S_MAX = 3.0
"""An answer that takes longer is none."""

PROBES_MISSED_MAX = 3
"""So many missed answers in a row make a process unresponsive; one may be a busy moment."""

UNRESPONSIVE_S_MAX = 60.0
"""A process that is alive but has not answered for so long is killed and started again."""

LOG_FILE_BYTES_MAX = 10 * 1024 * 1024
"""With the files below: at most 60 MB of log a process on the disk."""

LOG_FILES_KEPT = 5

LOG_LINE_BYTES_MAX = 64 * 1024
"""A line longer than this is cut: a process must not fill the supervisor's memory by never ending its line."""

CONSOLE_COLUMNS_MAX = 180
"""The console shows the beginning of a line; the whole of it is in the log file."""

CONSOLE_LINES_MAX = 12
"""In each ten seconds of a process: a traceback's head stays readable between the lines of the others."""

CONSOLE_WINDOW_S = 10.0

SOCKET_PATH_BYTES_MAX = 107
"""``sun_path`` of Linux holds 108 bytes with the final zero (unix(7))."""

DISK_FREE_BYTES_MIN = 2 * 1024**3
"""Virtual environment 1 GB, database and logs of a demo below 0.5 GB, and room to breathe."""

MEMORY_BYTES_MIN = 1024**3
"""All processes of an idle platform hold about 0.8 GB."""
