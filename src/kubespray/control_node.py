import json, os, re, sys
# What an interpreter finds beside a script is not what Ansible finds.
sys.path[:] = [p for p in sys.path if p]
asked = json.loads(sys.argv[1])
said = {"python": sys.executable, "python_version": "%d.%d.%d" % tuple(sys.version_info[:3]), "packages": []}


def version_of(name):
    try:
        from importlib import metadata
        return metadata.version(name)
    except ImportError:
        import pkg_resources
        return pkg_resources.get_distribution(name).version


for name, module in asked["packages"]:
    found = {"name": name, "module": module, "importable": True, "version": None, "error": None}
    try:
        __import__(module)
    except BaseException as error:
        found["importable"] = False
        found["error"] = ("%s: %s" % (type(error).__name__, error))[:200]
    try:
        found["version"] = version_of(name)
    except BaseException:
        pass
    said["packages"].append(found)


def collection(name, paths):
    found = {"name": name, "path": None, "version": None}
    for path in paths:
        folder = os.path.join(path, *name.split("."))
        if not os.path.isdir(folder):
            continue
        found["path"] = folder
        try:
            with open(os.path.join(folder, "MANIFEST.json")) as manifest:
                found["version"] = json.load(manifest)["collection_info"]["version"]
        except Exception:
            try:
                with open(os.path.join(folder, "galaxy.yml")) as galaxy:
                    found["version"] = re.search(r"(?m)^version: *['\"]?([0-9][^'\"\s]*)", galaxy.read()).group(1)
            except Exception:
                pass
        break
    return found


try:
    from ansible import constants, release
    said["ansible_core"] = release.__version__
    said["forks"] = int(constants.config.get_config_value("DEFAULT_FORKS"))
    file = {}
    if constants.CONFIG_FILE:
        try:
            from configparser import RawConfigParser
        except ImportError:
            from ConfigParser import RawConfigParser
        parser = RawConfigParser()
        parser.read(constants.CONFIG_FILE)
        if parser.has_section("ssh_connection"):
            file = dict(parser.items("ssh_connection"))
    said["control_path"] = os.environ.get("ANSIBLE_SSH_CONTROL_PATH") or file.get("control_path")
    folder = os.environ.get("ANSIBLE_SSH_CONTROL_PATH_DIR") or file.get("control_path_dir") or "~/.ansible/cp"
    said["control_path_dir"] = os.path.expanduser(os.path.expandvars(folder))
    if asked["collections"]:
        paths = []
        # What the configuration itself gives is not rendered where it is the default: a template with ANSIBLE_HOME.
        for path in list(constants.COLLECTIONS_PATHS) + sys.path:
            path = os.path.expanduser(str(path))
            paths.append(path if os.path.basename(path) == "ansible_collections" else os.path.join(path, "ansible_collections"))
        said["collections"] = [collection(name, paths) for name in asked["collections"]]
    else:
        said["collections"] = []
except BaseException as error:
    said["error"] = ("%s: %s" % (type(error).__name__, error))[:200]
sys.stdout.write("\n@airworthy-control-node " + json.dumps(said) + "\n")
