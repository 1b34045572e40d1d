"""TLS for Dask and a key for Prefect, as deploy/site/reliability.md says."""

from contextlib import closing
from pathlib import Path

import pytest

from ..flows.processes import start_holder
from .cases import References
from .dask_cluster import DaskCluster
from .product import Product
from .state import require_same

pytestmark = pytest.mark.full


def test_a_cluster_with_tls_lets_in_only_those_with_a_certificate(
    certificate: tuple[Path, Path], references: References, tmp_path: Path
) -> None:
    cert, key = map(str, certificate)
    tls = ("--tls-ca-file", cert, "--tls-cert", cert, "--tls-key", key)
    with closing(DaskCluster(tmp_path, scheduler_options=("--protocol", "tls", *tls))) as cluster:
        assert cluster.address.startswith("tls://127.0.0.1:")
        cluster.add_worker(*tls)
        options = ("--no-prefect", "--executor", cluster.address)
        stranger = Product(tmp_path / "stranger", options=options)
        code, said = stranger.ask("run", str(stranger.run_file), *options)
        assert code == 1
        assert "Traceback" not in said, said
        assert said.startswith(f"tripletmine: cluster.address is {cluster.address}"), said

        known = {
            "DASK_DISTRIBUTED__COMM__TLS__CA_FILE": cert,
            "DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT": cert,
            "DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY": key,
        }
        product = Product(tmp_path / "known", options=options, environment=known)
        product.finish()
    require_same(product.root, references.finished().root)


def test_a_prefect_server_with_a_key_wants_it(tmp_path: Path, references: References) -> None:
    """The private server of another process stands for a server of the user's own."""
    holder = start_holder(tmp_path / "server", tmp_path)
    try:
        wrong = {**holder.client, "PREFECT_API_AUTH_STRING": "tripletmine:wrong"}
        stranger = Product(tmp_path / "stranger", options=(), environment=wrong)
        code, said = stranger.ask("run", str(stranger.run_file))
        assert code == 1
        assert "Traceback" not in said, said
        assert "PREFECT_API_AUTH_STRING" in said.splitlines()[-1], said

        known = Product(tmp_path / "known", options=(), environment=holder.client)
        known.finish()
    finally:
        holder.end()
    require_same(known.root, references.finished().root)
