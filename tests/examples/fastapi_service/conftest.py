import httpx
import pytest
from painter import Painter
from service import Gallery, create_app


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
async def painter(wanx_sim):
    async with httpx.AsyncClient(transport=wanx_sim.transport()) as http:
        yield Painter("sk-test", http)


@pytest.fixture
def app(painter, tmp_path):
    return create_app(painter, Gallery(tmp_path / "pictures.sqlite"))


@pytest.fixture
async def client(app):
    """Asks the service as its users do."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        yield client
