"""What ansible-inventory prints: a JSON list of its arguments on stdin, a JSON list of [stdout, stderr] on stdout.

Runs under the interpreter of an ansible-core. Importing Ansible takes most of its time, so that is done once; each answer is
made in a process of its own.
"""
import json
import os
import sys
import tempfile
import traceback

from ansible.cli.inventory import InventoryCLI


def start(arguments):
    files = tempfile.TemporaryFile(), tempfile.TemporaryFile()
    child = os.fork()
    if child == 0:
        for number, file in zip((1, 2), files):
            os.dup2(file.fileno(), number)
        try:
            InventoryCLI.cli_executor(["ansible-inventory"] + arguments)
        except SystemExit:
            pass
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
    return child, files


def answer(child, files):
    os.waitpid(child, 0)
    for file in files:
        file.seek(0)
    return [file.read().decode() for file in files]


asked = json.load(sys.stdin)
at_a_time = os.cpu_count() or 1
answers = []
for begin in range(0, len(asked), at_a_time):
    children = [start(arguments) for arguments in asked[begin:begin + at_a_time]]
    answers += [answer(*child) for child in children]
json.dump(answers, sys.stdout)
