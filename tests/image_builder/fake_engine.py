"""Stands in for docker, podman or finch: does what `plan.json` says and writes down how it was called."""

import json
import os
import signal
import sys
import time
from pathlib import Path

folder = Path(os.environ["FAKE_ENGINE_DIRECTORY"])
plan = json.loads((folder / "plan.json").read_text())
arguments = sys.argv[1:]
call = {"engine": Path(sys.argv[0]).name, "arguments": arguments}
command = " ".join(arguments)
exit_code, output, standard_input = 0, "", ""

if plan.get("hangs"):
    time.sleep(60)
if arguments[0] == "info":
    exit_code = plan.get("info_exit_code", 0)
    output = "\n".join(plan.get("info_lines", []))
    if exit_code:
        print("Client: fake\nCannot connect to the daemon", file=sys.stderr)
elif command == "buildx version":
    exit_code = 0 if plan.get("buildx", True) else 1
elif "--help" in arguments:
    output = "--provenance --sbom --progress" if plan.get("buildx", True) else "--label"
elif arguments[0] in ("build", "buildx"):
    if plan.get("interrupts"):
        os.kill(os.getppid(), signal.SIGINT)
    output = "\n".join(plan.get("build_lines", ["step 1", "step 2"]))
    exit_code = plan.get("build_exit_code", 0)
elif arguments[:2] == ["image", "inspect"]:
    image = {"Os": "linux", "Architecture": plan.get("architecture", "amd64"), "Size": 300 << 20}
    image["Config"] = {"Labels": plan["labels"], "Entrypoint": ["/serve"]}
    output = json.dumps([image])
elif arguments[0] == "login":
    standard_input = sys.stdin.read()
    config = os.environ.get("DOCKER_CONFIG") or os.environ.get("REGISTRY_AUTH_FILE")
    call["login_stored_in"] = config
elif arguments[0] == "push":
    done = folder / "pushes"
    count = int(done.read_text()) if done.exists() else 0
    done.write_text(str(count + 1))
    failures = plan.get("push_failures", [])
    if count < len(failures):
        output, exit_code = failures[count], 1

call["standard_input"] = standard_input
with (folder / "calls.jsonl").open("a") as log:
    log.write(json.dumps(call) + "\n")
if output:
    print(output)
sys.exit(exit_code)
