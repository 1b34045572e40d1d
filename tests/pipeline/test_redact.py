"""URLs with something secret in them."""

import pytest
from tripletmine.pipeline.redact import has_secret, redacted

SECRET = "t0psecret"
WITH = (
    f"https://me:{SECRET}@host/a.png",
    f"https://{SECRET}@host/a.png",
    f"https://:{SECRET}@host:8080/a.png",
    f"s3://{SECRET}:{SECRET}@bucket/a.png",
    f"zip://a.png::https://me:{SECRET}@host/x.zip",
    f"https://host/a.png?X-Amz-Signature={SECRET}&X-Amz-Credential={SECRET}",
    f"https://host/a.png?X-Amz-Security-Token={SECRET}",
    f"https://account.blob.core.windows.net/c/a.png?sv=2024&sig={SECRET}",
    f"https://host/a.png?size=3&access_token={SECRET}",
    f"https://host/a.png?api_key={SECRET}#top",
    f"https://host/a.png?AWSAccessKeyId={SECRET}",
    f"https://host/a.png?Password={SECRET}",
    f"tls://me:{SECRET}@10.0.0.1:8786",
)
WITHOUT = (
    "https://host/a.png",
    "https://host:8080/a@b.png?size=3&author=bob&tokenizer=bpe",
    "abfss://container@account.dfs.core.windows.net/a.png",
    "s3://bucket/design=1/signal.png",
    "me@host:a.png",
    "sig=1?token=2",
    "mail me@host, see https://host/",
)


@pytest.mark.parametrize("url", WITH)
def test_secrets_are_seen_and_taken_out(url: str):
    assert has_secret(url)
    text = redacted(f"{url!r} is away: look at {url}, or at {url}")
    assert SECRET not in text
    assert text.count("is away") == 1
    assert not has_secret(text.replace("…@", "").replace("=…", "="))


@pytest.mark.parametrize("url", WITHOUT)
def test_other_texts_stay(url: str):
    assert not has_secret(url)
    assert redacted(url) == url
