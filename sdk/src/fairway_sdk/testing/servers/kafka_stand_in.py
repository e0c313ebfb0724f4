"""Run librdkafka's cluster for tests until told to end: `python -m fairway_sdk.testing.servers.kafka_stand_in FILE`.

Its address is written to FILE. SIGUSR1 takes it off the network, SIGUSR2 puts it back. The C library is the one in the
wheel of confluent-kafka: its Python interface starts such a cluster, too, but cannot take it off the network.
"""

import ctypes
import signal
import sys
from importlib.metadata import files
from pathlib import Path

PRODUCER = 0  # rd_kafka_type_t: a cluster hangs on some client
BROKER = 1  # numbered from one
REBALANCED_AFTER = 100  # milliseconds that a new group waits for further members


def library() -> ctypes.CDLL:
    """Load the C library of the wheel, with the types of what is called here."""
    found = next(file for file in files("confluent-kafka") or [] if file.name.startswith("librdkafka"))
    loaded = ctypes.CDLL(str(found.locate()))
    handle, number = ctypes.c_void_p, ctypes.c_int32
    for name, result, arguments in (
        ("rd_kafka_conf_new", handle, []),
        ("rd_kafka_new", handle, [ctypes.c_int, handle, ctypes.c_char_p, ctypes.c_size_t]),
        ("rd_kafka_mock_cluster_new", handle, [handle, ctypes.c_int]),
        ("rd_kafka_mock_cluster_bootstraps", ctypes.c_char_p, [handle]),
        ("rd_kafka_mock_group_initial_rebalance_delay_ms", None, [handle, number]),
        ("rd_kafka_mock_broker_set_down", ctypes.c_int, [handle, number]),
        ("rd_kafka_mock_broker_set_up", ctypes.c_int, [handle, number]),
    ):
        function = getattr(loaded, name)
        function.restype, function.argtypes = result, arguments
    return loaded


def main(address: Path) -> None:
    """Run the cluster."""
    kafka, reason = library(), ctypes.create_string_buffer(512)
    client = kafka.rd_kafka_new(PRODUCER, kafka.rd_kafka_conf_new(), reason, len(reason))
    if not client:
        sys.exit(reason.value.decode())
    cluster = kafka.rd_kafka_mock_cluster_new(client, 1)
    kafka.rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, REBALANCED_AFTER)
    signal.signal(signal.SIGUSR1, lambda *_: kafka.rd_kafka_mock_broker_set_down(cluster, BROKER))
    signal.signal(signal.SIGUSR2, lambda *_: kafka.rd_kafka_mock_broker_set_up(cluster, BROKER))
    written = address.with_suffix(".new")
    written.write_bytes(kafka.rd_kafka_mock_cluster_bootstraps(cluster))
    written.rename(address)
    while True:
        signal.pause()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
