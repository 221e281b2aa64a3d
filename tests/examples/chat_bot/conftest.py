import aiohttp
import pytest
from bot import Bot, Painter


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
async def bot(wanx_server):
    async with aiohttp.ClientSession() as http:
        yield Bot(Painter(http))


class User:
    """A user's chat, and what was said and shown in it."""

    def __init__(self):
        self.said, self.shown = [], []

    async def say(self, text):
        self.said.append(text)

    async def show(self, picture, caption):
        self.shown.append((caption, picture))


@pytest.fixture
def make_user():
    return User


@pytest.fixture
def user(make_user):
    return make_user()
