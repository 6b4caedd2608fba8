"""Links that are good for one use, and sessions."""

from local_aws.page.access import PageAccess


def test_key_opens_once() -> None:
    access = PageAccess()
    key, other = access.new_key(), access.new_key()
    assert access.use(key)
    assert not access.use(key)
    assert access.use(other)


def test_nobody_guesses() -> None:
    access = PageAccess()
    key, session = access.new_key(), access.new_session()
    assert not any(access.use(guess) for guess in ("", "é", key[:-1], session))
    assert not any(access.knows(guess) for guess in ("", "é", session[:-1], key))
    assert access.knows(session)
    assert len(key) >= 32


def test_many_links_close_the_oldest() -> None:
    access = PageAccess()
    first, second = access.new_key(), access.new_key()
    for _ in range(255):
        last = access.new_key()
    assert not access.use(first)
    assert access.use(second)
    assert access.use(last)
