"""Two bugs, brought back: everything is tried three times, and trouble is not told apart."""

import pytest
import test_drawing
from drawing import DrawingTool

from wanx_client import WanxError


class StubbornTool(DrawingTool):
    """Tries again, whatever happened."""

    def draw_picture(self, prompt, size="1024*1024"):
        for _ in range(3):
            answer = super().draw_picture(prompt, size)
            if "error" not in answer:
                break
        return answer


class CurtTool(DrawingTool):
    """Says what the service said, and nothing else."""

    def draw_picture(self, prompt, size="1024*1024"):
        try:
            task = self.client.generate(prompt, size=size)
        except WanxError as error:
            return {"error": error.code}
        return {"files": [str(path) for path in self.client.download(task, self.folder)]}


@pytest.fixture(params=[StubbornTool, CurtTool])
def naive(request, wanx_client, tmp_path):
    return request.param(wanx_client, tmp_path)


def test_on_a_good_day_nothing_shows(naive, ask, wanx_sim):
    test_drawing.test_a_picture_is_saved(naive, ask, wanx_sim)


@pytest.mark.parametrize("naive", [StubbornTool], indirect=True)
def test_the_suite_sees_that_a_refused_prompt_is_sent_again(naive, ask, wanx_sim):
    with pytest.raises(AssertionError):
        test_drawing.test_a_prompt_that_was_refused_is_not_sent_again(naive, ask, wanx_sim)
    assert len(wanx_sim.requests.creates) == 3


@pytest.mark.wanx(api_keys={"sk-of-singapore": "singapore"})
@pytest.mark.parametrize("naive", [CurtTool], indirect=True)
def test_the_suite_sees_that_the_region_goes_unnamed(naive, ask):
    with pytest.raises(AssertionError, match="valid in its own region only"):
        test_drawing.test_the_model_is_told_that_key_and_region_do_not_match(naive, ask)
