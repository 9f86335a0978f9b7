"""Networks, as ansible.utils.ipaddr has them, from Python's own library."""

import ipaddress


def is_network(text):
    """Whether a text is a network, host bits or not."""
    try:
        ipaddress.ip_network(text, strict=False)
        return True
    except ValueError:
        return False


def prefix(text):
    """The length of its prefix."""
    return ipaddress.ip_network(text, strict=False).prefixlen


def inside(text, outer):
    """Whether a network is inside another one: one way only, as kubespray asks it."""
    inner, outer = (ipaddress.ip_network(it, strict=False) for it in (text, outer))
    return inner.version == outer.version and inner.subnet_of(outer)


def is_ipv4(text):
    """Whether a text is an IPv4 address."""
    try:
        ipaddress.IPv4Address(text)
        return True
    except ValueError:
        return False


class FilterModule:
    def filters(self):
        return {"is_network": is_network, "prefix": prefix, "inside": inside, "is_ipv4": is_ipv4}
