"""Every bound of the sockets, each with its reason."""

from __future__ import annotations

from typing import Final

RECEIVE_BUFFER_BYTES: Final = 4_194_304
"""What the kernel may keep for us while the loop is busy: about a second of datagrams at 1,000 calls a second."""

READ_BURST_MAX: Final = 128
"""Datagrams read before anything else has its turn: answers and timers must not starve."""

DATAGRAM_BYTES_MAX: Final = 65_535
"""No UDP payload is longer."""

CONNECTIONS_MAX: Final = 10_000
"""Streams at once, of all listeners and both ways: phones on TCP of one node, at some 20 KiB each (TLS: 60)."""

CONNECTIONS_PER_SOURCE_MAX: Final = 256
"""Streams from one address (IPv6: one /64): an office behind NAT, not an attack."""

HANDSHAKE_S_MAX: Final = 5.0
"""A TLS handshake takes two round trips; who is slower than that holds a place and a key exchange of ours."""

FIRST_MESSAGE_S_MAX: Final = 30.0
"""Who connects has something to say. Half a minute is for phones that open the stream before their user types."""

MESSAGE_S_MAX: Final = 10.0
"""From a message's first byte to its last: 64 KiB over a modem line. Slower is a slow-loris."""

STALL_SWEEP_S: Final = 1.0
"""How often streams with half a message are looked at."""

ACCEPT_BURST_MAX: Final = 64
"""Connections taken in before anything else has its turn."""

ACCEPT_PAUSE_S: Final = 1.0
"""How long a listener rests when the process is out of descriptors."""

OPENING_MAX: Final = 1_000
"""Connections of ours on their way at once, for each listener: silent carriers must not use up all descriptors."""

PING_S: Final = 30.0
"""How often websockets are pinged, and idle streams looked for: the usual proxy cuts after 60 s of silence."""

IDLE_S_MAX: Final = 3_700.0
"""A stream nothing came over for longer than the longest registration has no phone behind it."""

CONNECT_S_MAX: Final = 5.0
"""A stream of ours that is not open by then has failed; the call tries elsewhere."""

WRITE_BUFFER_BYTES_MAX: Final = 1_048_576
"""What a peer may leave unread before its stream is cut."""

BACKLOG: Final = 1_024
"""Connections the kernel may hold until they are accepted: all phones of a site after a power cut."""

REDIS_BATCH_MAX: Final = 500
"""Lines written to Redis in one go."""

REDIS_GATHER_S: Final = 0.01
"""How long changes of registrations are gathered before they are written and told: phones do not notice it."""

REDIS_TIMEOUT_S: Final = 2.0
"""A Redis that is silent for longer is away."""

REDIS_RETRY_S: Final = 2.0
"""Pause before an absent Redis is tried again."""

REDIS_PING_S: Final = 10.0
"""How often an idle Redis is asked whether it is there: one that came back empty must be filled again."""

LISTENERS_MAX: Final = 64
"""Sockets a node listens on: some zones, each with every transport and both address families."""

DNS_TRY_S: Final = 1.5
"""A DNS server that is silent for so long is passed over for the next."""

DNS_LIFETIME_S: Final = 4.0
"""A question open for longer counts as not answered: a caller waits for it."""

DNS_SERVERS_MAX: Final = 8
"""Servers that may be configured."""

NODES_MAX: Final = 256
"""Nodes that share registrations; each is one more channel to hear."""

NEWS_WAITING_MAX: Final = 10_000
"""News to other nodes that wait for Redis. Beyond it they are dropped: who missed them reads all when Redis is back."""

LINK_PACKET_BYTES: Final = 32_768
"""Frames for a sibling that one packet gathers: some forty messages a system call, far below what the kernel takes."""

LINK_BUFFER_BYTES: Final = 1_048_576
"""Asked of the kernel for each link; it may allow less (``net.core.wmem_max``)."""

LINK_QUEUE_BYTES_MAX: Final = 2_097_152
"""What may wait for one sibling beyond that: two thousand messages, more than a second of the busiest. Over it a
datagram is dropped, as the network might, and a request of a stream is answered 503."""

WORKER_RESTART_S_MIN: Final = 0.2
WORKER_RESTART_S_MAX: Final = 5.0
"""Pause before a worker that fails again soon after its start is started again; twice as long each time."""

WORKER_STEADY_S: Final = 5.0
"""A worker that ran for so long did not die of its start: the next one is started at once, callers wait for it."""

WORKER_STOP_S_MAX: Final = 8.0
"""A worker that was told to stop and did not is killed, before whoever told the parent loses patience (10 s)."""

CERTIFICATES_MAX: Final = 1_000
"""Certificates of one node, each in three contexts of some 50 KiB; more names belong into fewer certificates."""

CERTIFICATES_LOOK_S: Final = 10.0
"""How often certificate files are looked at for a change; one ``stat`` each."""

STORE_QUEUE_MAX: Final = 5_000
"""Messages on their way to Redis; over it they are refused as if it were away."""

STORE_USERS_MAX: Final = 100_000
"""Users with waiting messages a process remembers; there are no more, since each has one of as many messages."""

LOAD_TICK_S: Final = 0.1
"""How often the loop's lateness is measured: fast enough to act within one T1, and nothing beside what a call costs."""

BAN_TELL_S: Final = 0.1
"""How long a ban may wait before other nodes are told of it."""

BANS_READ_MAX: Final = 20_000
"""Bans taken from Redis at the start; a node's list holds no more."""

GUARD_SHOW_S: Final = 2.0
"""How often a node writes down what its guard did, for people to look at."""

FLOWS_KEPT_MAX: Final = 20_000
"""Senders of datagrams whose flow is kept ready (some 300 bytes each); over it all are forgotten and made anew."""

CREW_JOIN_S_MAX: Final = 1.5
"""How long a worker that starts waits for its siblings to tell where lines are: two of them may be silent."""
