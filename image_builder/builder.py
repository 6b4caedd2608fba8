"""The order of things: is the tag there, is there an engine, build, check, push."""

from collections.abc import Callable

from image_builder.context import content_hash
from image_builder.engines import Engine, Report, find_engine
from image_builder.errors import CommandError, ImageBuilderError
from image_builder.repository import Credentials, Repository
from image_builder.requirements import check_image
from image_builder.settings import Settings, is_loopback
from image_builder.snapshot import push_snapshot

_REVISION_LABEL = "org.opencontainers.image.revision"
_MIB = 1 << 20


def build_and_push(
    settings: Settings,
    repository: Repository,
    report: Report,
    find: Callable[[str, Report], tuple[Engine | None, str]] = find_engine,
) -> None:
    """Make sure that the repository holds the image of the build context, under its tag.

    Raises:
        ImageBuilderError: no engine where one is needed, a build or push that failed, or an image that SageMaker
            would refuse; an image of that kind is never pushed.
    """
    uri = settings.image_uri
    existing = repository.find(settings.tag)
    if existing is not None:
        check_image(existing, settings.platform, uri)
        report(f"{uri} is in the repository already: nothing to build.")
        return
    engine, reason = find(settings.engine, report)
    if settings.engine not in ("auto", "none") and engine is None:
        raise ImageBuilderError(f"CONTAINER_ENGINE is {settings.engine}, but {reason}.")
    if engine is None and not settings.is_local:
        raise ImageBuilderError(
            f"No container engine to build {settings.build_context} with ({reason}). Install docker, podman or finch, "
            "or build the image in CI and name it in the setting `image.prebuilt_uri`."
        )
    credentials = repository.credentials()
    if engine is not None and settings.is_local and not is_loopback(credentials.registry_url):
        reason = f"{engine.name} is there, but the local AWS runs no registry that it could push to"
        if settings.engine != "auto":
            raise ImageBuilderError(f"CONTAINER_ENGINE is {settings.engine}: {reason}. Set it to auto or none.")
        engine = None
    if engine is None:
        size_bytes = push_snapshot(repository, settings.build_context, settings.tag, settings.platform)
        report(
            f"NO IMAGE WAS BUILT ({reason}). The build context itself was pushed instead, {size_bytes} bytes, as "
            f"{uri}; the local endpoint runs exactly this snapshot, not the working tree."
        )
        return
    _build(settings, repository, engine, credentials, report)


def _build(
    settings: Settings, repository: Repository, engine: Engine, credentials: Credentials, report: Report
) -> None:
    uri = settings.image_uri
    report(f"Building {uri} for {settings.platform} with {engine.name}.")
    labels = {_REVISION_LABEL: content_hash(settings.build_context)}
    engine.build(settings.build_context, uri, settings.platform, labels, settings.build_options)
    image, size_bytes = engine.inspect(uri)
    check_image(image, settings.platform, uri)
    report(f"Built {uri}: {size_bytes / _MIB:.0f} MiB. Pushing.")
    pushed = uri
    if settings.is_local:
        pushed = f"{credentials.registry}/{settings.repository_name}:{settings.tag}"
        engine.tag(uri, pushed)
    try:
        engine.push(pushed, credentials)
    except CommandError:
        # Tags are immutable: another deployment of the same content may have pushed while this one built.
        if repository.find(settings.tag) is None:
            raise
        report(f"{uri} was pushed by another deployment in the meantime.")
        return
    finally:
        if pushed != uri:
            engine.untag(pushed)
    report(f"Pushed {pushed}.")
