from operations.container_requirements import REQUIREMENTS, container_requirements


def test_the_image_has_the_packages_of_the_lock_file():
    assert REQUIREMENTS.read_text(encoding="utf-8") == container_requirements(), "run `make lock`"


def test_every_package_of_the_image_is_pinned_with_its_hashes():
    blocks = REQUIREMENTS.read_text(encoding="utf-8").replace("\\\n", "").splitlines()[1:]
    assert {"httptools", "mxnet", "onnxruntime"} <= {block.partition("==")[0] for block in blocks}
    assert all("==" in block and "--hash=sha256:" in block for block in blocks)
