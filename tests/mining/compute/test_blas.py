"""The limit on BLAS threads holds for the whole process: searches that overlap must restore it."""

from threadpoolctl import threadpool_info, threadpool_limits
from tripletmine.mining.compute.blas import one_blas_thread


def _blas_threads() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_overlapping_searches_restore_what_the_first_one_found() -> None:
    with threadpool_limits(2, user_api="blas"):
        first, second = one_blas_thread(), one_blas_thread()
        first.__enter__()
        second.__enter__()
        assert _blas_threads() == {1}
        first.__exit__(None, None, None)
        assert _blas_threads() == {1}, "one search is still running"
        second.__exit__(None, None, None)
        assert _blas_threads() == {2}
