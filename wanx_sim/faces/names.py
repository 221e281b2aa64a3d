"""The names at which a server of ours may stand in for the service, as certificates spell them."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

API_NAMES = (
    "dashscope.aliyuncs.com",
    "dashscope-intl.aliyuncs.com",
    "dashscope-us.aliyuncs.com",
    "*.cn-beijing.maas.aliyuncs.com",
    "*.ap-southeast-1.maas.aliyuncs.com",
    "*.cn-hongkong.maas.aliyuncs.com",
    "*.us-east-1.maas.aliyuncs.com",
    "*.eu-central-1.maas.aliyuncs.com",
    "*.ap-northeast-1.maas.aliyuncs.com",
)
"""Where the API is: one name a region, or one a workspace [documented; regions: SDK 2.0.2]."""

_RESULTS = (
    "cn-beijing",
    "cn-hangzhou",
    "cn-shanghai",
    "cn-wulanchabu",
    "cn-wulanchabu-acdr-1",
    "cn-zhangjiakou",
    "cn-shenzhen",
    "cn-heyuan",
    "cn-chengdu",
    "cn-guangzhou",
    "ap-southeast-1",
    "accelerate",
)

RESULT_NAMES = tuple(f"*.oss-{place}.aliyuncs.com" for place in _RESULTS)
"""Where results lie: the published white-list [documented], Singapore, accelerate [observed]."""

SERVICE_NAMES = API_NAMES + RESULT_NAMES

LOOPBACK_NETWORKS = ("127.0.0.0/8", "::1/128")
_UNSPECIFIED = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound to
_RESULT_BUCKETS = "dashscope-"


def reaches(host: str) -> bool:
    """Whether a host is the service's: an API host, or one of its own buckets of results.

    Anybody's bucket lies under the same domains as the service's; theirs are left alone.
    """
    host = host.lower()
    domain = f"*.{host.partition('.')[2]}"
    if domain in RESULT_NAMES:
        return host.startswith(_RESULT_BUCKETS)
    return host in API_NAMES or domain in API_NAMES


def loopback_address(host: str) -> str | None:
    """The address to certify for a host to listen on: itself, or None if no more is needed.

    Raises:
        ValueError: for one that is neither this machine alone nor all of its addresses.
    """
    if host == "localhost" or host in _UNSPECIFIED:
        return None
    try:
        address = ip_address(host)
    except ValueError:
        raise ValueError(f"{host!r} is no address of this machine alone") from None
    networks = [ip_network(network) for network in LOOPBACK_NETWORKS]
    if not any(address in network for network in networks):
        raise ValueError(f"{host} can be reached from elsewhere")
    return str(address)
