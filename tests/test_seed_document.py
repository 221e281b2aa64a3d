"""The seed document, claim by claim: 通义万相 文生图 V2 API 参考, synced 2025-10-28.

Each test quotes the claim and names its section. What the document leaves open is tested
elsewhere, beside the module that decides it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from io import BytesIO
from xml.etree import ElementTree as ET

import pytest
from PIL import Image, ImageChops

from wanx_sim import ManualClock, Simulator
from wanx_sim.protocol import catalogue

WAN25 = "wan2.5-t2i-preview"
OLDER = (
    "wan2.2-t2i-flash",
    "wan2.2-t2i-plus",
    "wanx2.1-t2i-turbo",
    "wanx2.1-t2i-plus",
    "wanx2.0-t2i-turbo",
)
MODELS = (WAN25, *OLDER)

BEIJING = "https://dashscope.aliyuncs.com"
SINGAPORE = "https://dashscope-intl.aliyuncs.com"
BASES = {"beijing": BEIJING, "singapore": SINGAPORE}

every_model = pytest.mark.parametrize("model", MODELS)
every_older_model = pytest.mark.parametrize("model", OLDER)


def opened(content: bytes) -> Image.Image:
    picture = Image.open(BytesIO(content))
    picture.load()
    return picture


# --- §1 概述 ------------------------------------------------------------------------------------


def test_a_job_is_creating_a_task_then_polling_it_for_the_links(api):
    """§1 “创建任务 → 获取 task_id；轮询任务 → 获取生成图像 URL”"""
    task_id = api.create(n=1).output["task_id"]
    link = api.history(task_id)[-1]["results"][0]["url"]
    assert opened(api.get(link).body).format == "PNG"


@pytest.mark.parametrize("seed", range(10))
def test_a_task_takes_one_to_two_minutes_in_realistic_timing(connect, clock, seed):
    """§1 “任务通常需 1–2 分钟”"""
    sim = Simulator(timing="realistic", seed=seed, clock=clock)
    connect(sim).submit(n=1)
    clock.advance(seconds=59.9)
    assert not sim.tasks.only.status.terminal
    clock.advance(seconds=60.2)
    assert sim.tasks.only.status == "SUCCEEDED"


@pytest.mark.parametrize("seed", range(10))
def test_most_of_that_time_is_the_queue(connect, clock, seed):
    """§1 “受排队影响”"""
    sim = Simulator(timing="realistic", seed=seed, clock=clock)
    connect(sim).submit(n=1)
    plan = sim.tasks.only.record.plan
    assert plan.scheduled - plan.submitted > plan.ended - plan.scheduled


# --- §2 模型列表与能力限制 ------------------------------------------------------------------------


@every_model
def test_each_of_the_six_models_exists(api, model):
    """§2 “模型名称”"""
    assert api.create(model=model).status == 200


def test_no_other_model_passes_for_one_of_the_documents():
    """§2 “模型列表” (the catalogue may know more, but says so)"""
    models = catalogue.load().models.values()
    assert tuple(m.name for m in models if not getattr(m, "beyond_seed", False)) == MODELS


@every_model
def test_each_model_makes_a_png(api, model):
    """§2 “分辨率与格式：png”"""
    (picture,) = api.pictures(model=model, n=1)
    assert opened(picture).format == "PNG"


@every_model
@pytest.mark.parametrize("size", ["1024*1024", "1280*720", "720*1280"])
def test_a_picture_has_exactly_the_size_that_was_asked_for(api, model, size):
    """§5.3 “size 格式：宽*高” for the sizes that all models of §2 make"""
    (picture,) = api.pictures(model=model, n=1, size=size)
    assert opened(picture).size == tuple(int(side) for side in size.split("*"))


@pytest.mark.parametrize(
    "size",
    [
        pytest.param("768*768", id="the fewest pixels"),
        pytest.param("1440*1440", id="the most pixels"),
        pytest.param("720*2880", id="1:4 with the most pixels"),
        pytest.param("2880*720", id="4:1 with the most pixels"),
        pytest.param("384*1536", id="1:4 with the fewest pixels"),
        pytest.param("1536*384", id="4:1 with the fewest pixels"),
    ],
)
def test_wan25_makes_any_size_within_its_area_and_ratio(api, size):
    """§2 “总像素范围：768×768 ～ 1440×1440；宽高比 1:4–4:1”"""
    (picture,) = api.pictures(model=WAN25, n=1, size=size)
    assert "{}*{}".format(*opened(picture).size) == size


@pytest.mark.parametrize("size", ["768*2700", "2700*768"])
def test_wan25_has_no_limit_for_a_single_side(api, size):
    """§2 “取消单边限制；仅受总像素面积约束，可生成如 768×2700”"""
    (picture,) = api.pictures(model=WAN25, n=1, size=size)
    assert "{}*{}".format(*opened(picture).size) == size


@pytest.mark.parametrize(
    "size",
    [
        pytest.param("767*768", id="just too few pixels"),
        pytest.param("1440*1441", id="just too many pixels"),
        pytest.param("768*2701", id="one line more than the example"),
        pytest.param("719*2880", id="just flatter than 1:4"),
        pytest.param("2880*719", id="just flatter than 4:1"),
    ],
)
def test_wan25_refuses_any_size_beyond_its_area_or_ratio(api, size):
    """§2 “总像素范围：768×768 ～ 1440×1440；宽高比 1:4–4:1”, §11 “分辨率超限 → 参数校验错误”"""
    status, code, message = api.create(model=WAN25, size=size).refusal
    assert (status, code) == (400, "InvalidParameter")
    assert size in message
    assert "[768*768, 1440*1440]" in message
    assert "[1:4, 4:1]" in message


@every_older_model
@pytest.mark.parametrize("size", ["512*512", "1440*1440", "512*1440", "1440*512", "513*1439"])
def test_an_older_model_takes_sides_from_512_to_1440(api, model, size):
    """§2 “宽高：512–1440”"""
    assert api.create(model=model, size=size).status == 200


@every_older_model
@pytest.mark.parametrize("size", ["511*1024", "1024*511", "1441*1024", "1024*1441", "768*2700"])
def test_an_older_model_refuses_a_side_beyond_512_to_1440(api, model, size):
    """§2 “宽高：512–1440”, §11 “分辨率超限 → 参数校验错误”"""
    status, code, message = api.create(model=model, size=size).refusal
    assert (status, code) == (400, "InvalidParameter")
    assert size in message
    assert "[512, 1440]" in message


@pytest.mark.parametrize(("mine", "other"), [("beijing", "singapore"), ("singapore", "beijing")])
def test_a_key_works_in_its_own_region(connect, clock, mine, other):
    """§2 “北京与新加坡地域 API Key 与 Base URL 不可混用”"""
    sim = Simulator(clock=clock, api_keys={"sk-mine": mine, "sk-other": other})
    assert connect(sim, BASES[mine], "sk-mine").create().status == 200


@pytest.mark.proves("access.other-region", "routes.one-region")
@pytest.mark.parametrize(("mine", "other"), [("beijing", "singapore"), ("singapore", "beijing")])
def test_a_key_of_the_other_region_is_an_invalid_key(connect, clock, mine, other):
    """§2, §13 “不同地域 API Key 不通用”, §11 “API Key 地域混用 → InvalidApiKey”"""
    sim = Simulator(clock=clock, api_keys={"sk-mine": mine, "sk-other": other})
    answer = connect(sim, BASES[other], "sk-mine").create()
    assert answer.refusal == (401, "InvalidApiKey", "Invalid API-key provided.")


@pytest.mark.parametrize(("mine", "other"), [("beijing", "singapore"), ("singapore", "beijing")])
def test_a_key_of_the_other_region_cannot_poll_either(connect, clock, mine, other):
    """§2 “API Key 与 Base URL 不可混用”"""
    sim = Simulator(clock=clock, api_keys={"sk-mine": mine, "sk-other": other})
    task_id = connect(sim, BASES[mine], "sk-mine").submit()
    answer = connect(sim, BASES[other], "sk-mine").poll(task_id)
    assert answer.refusal == (401, "InvalidApiKey", "Invalid API-key provided.")


# --- §3 API Endpoint ----------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["dashscope-intl.aliyuncs.com", "dashscope.aliyuncs.com"])
def test_both_endpoints_create_and_query(api, host):
    """§3 “创建任务（POST）…/image-synthesis”, “查询任务（GET）…/tasks/{task_id}”"""
    body = {"model": WAN25, "input": {"prompt": "花店"}}
    created = api.request(
        "POST",
        f"https://{host}/api/v1/services/aigc/text2image/image-synthesis",
        {"X-DashScope-Async": "enable"},
        json=body,
    )
    task_id = created.output["task_id"]
    queried = api.request("GET", f"https://{host}/api/v1/tasks/{task_id}")
    assert queried.output["task_id"] == task_id
    assert queried.output["task_status"] == "PENDING"


# --- §4 Headers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, "", "disable", "true"])
def test_the_async_header_is_required(api, value):
    """§4 “X-DashScope-Async: enable 必须设置，否则报错不支持同步调用”, §11 “缺少 X-DashScope-Async”"""
    answer = api.create(headers={"X-DashScope-Async": value})
    message = "current user api does not support synchronous calls"
    assert answer.refusal == (403, "AccessDenied", message)


def test_the_authorization_header_is_required(api):
    """§4 “Authorization: Bearer <API_KEY> 必选”"""
    answer = api.create(headers={"Authorization": None})
    assert answer.refusal == (401, "InvalidApiKey", "No API-key provided.")


@pytest.mark.parametrize("header", ["Bearer sk-wrong", "Bearer ", "Basic sk-right", "sk-right"])
def test_a_wrong_key_is_refused(connect, clock, header):
    """§6 “InvalidApiKey: Invalid API-key provided.”"""
    api = connect(Simulator(clock=clock, api_keys={"sk-right": "beijing"}))
    answer = api.create(headers={"Authorization": header})
    assert answer.refusal == (401, "InvalidApiKey", "Invalid API-key provided.")


@pytest.mark.parametrize("value", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_the_content_type_is_required_to_be_json(api, value):
    """§4 “Content-Type: application/json 必选”"""
    status, code, message = api.create(headers={"Content-Type": value}).refusal
    assert (status, code) == (400, "BadRequest.IllegalInput")
    assert "json" in message


# --- §5 请求体 ----------------------------------------------------------------------------------


def test_the_documents_own_body_is_accepted(api, sim):
    """§5 “请求体说明”"""
    prompt = "一间有着精致窗户的花店，漂亮的木质门，摆放着花朵"
    body = {
        "model": "wan2.5-t2i-preview",
        "input": {"prompt": prompt},
        "parameters": {"size": "1024*1024", "n": 1},
    }
    assert api.create(body=body).status == 200
    task = sim.tasks.only
    assert (task.prompt, task.size, task.n) == (prompt, "1024*1024", 1)


def test_the_documents_example_with_a_negative_prompt_is_accepted(api, sim):
    """§5.2 “示例（带反向提示词）”"""
    assert (
        api.create("雪地，白色小教堂，极光，冬日场景，柔和的光线。", negative_prompt="人物").status
        == 200
    )
    assert sim.tasks.only.record.order.negative_prompt == "人物"


def test_the_model_is_required(api):
    """§5.1 “model（必选）”"""
    status, code, message = api.create(body={"input": {"prompt": "花店"}}).refusal
    assert (status, code) == (400, "BadRequest.EmptyModel")
    assert '"model"' in message


def test_the_input_is_required(api):
    """§5.2 “input（必选）”"""
    status, code, _ = api.create(body={"model": WAN25}).refusal
    assert (status, code) == (400, "BadRequest.EmptyInput")


@pytest.mark.proves("create.parameters-optional")
def test_the_parameters_are_optional(api):
    """§5.3 “parameters（可选）”"""
    assert api.create(body={"model": WAN25, "input": {"prompt": "花店"}}).status == 200


def test_the_prompt_is_required(api):
    """§5.2 “prompt 必选：是”"""
    status, code, message = api.create(prompt=None, negative_prompt="人物").refusal
    assert (status, code, message) == (400, "InvalidParameter", "Field required: input.prompt")


@pytest.mark.parametrize("prompt", ["", "  ", "\n\t"])
def test_an_empty_prompt_is_refused(api, prompt):
    """§5.2 “prompt 必选：是”"""
    answer = api.create(prompt)
    assert answer.refusal == (400, "InvalidParameter", "prompt must contain words")


@every_model
@pytest.mark.parametrize("prompt", ["一间花店", "a flower shop"])
def test_a_prompt_may_be_chinese_or_english(api, model, prompt):
    """§5.2 “中英文均可”"""
    assert api.job(prompt, model, n=1)["results"][0]["orig_prompt"] == prompt


@pytest.mark.parametrize(("model", "limit"), [(WAN25, 2000), *((model, 800) for model in OLDER)])
def test_what_exceeds_the_prompts_limit_does_not_reach_the_picture(api, model, limit):
    """§5.2 “2.5 最大 2000 字符；2.2 及以下最大 800 字符” (what is more is cut, not refused)"""
    longest = "花" * limit
    asked = {"model": model, "n": 1, "seed": 7, "size": "768*768"}
    (whole,) = api.pictures(longest, **asked)
    (cut,) = api.pictures(longest + "店", **asked)
    (other,) = api.pictures(longest[:-1] + "店", **asked)
    assert cut == whole
    assert other != whole


@pytest.mark.proves("create.negative-prompt-cut")
@every_model
@pytest.mark.parametrize("length", [500, 501])
def test_a_negative_prompt_counts_up_to_500_characters(api, sim, model, length):
    """§5.2 “negative_prompt 支持≤500字符” (what is more is cut, not refused)"""
    assert api.create(model=model, negative_prompt="人" * length).status == 200
    assert sim.tasks.only.record.order.used_negative_prompt == "人" * 500


@pytest.mark.proves("create.size-star")
@pytest.mark.parametrize(
    "size", ["1024x1024", "1024×1024", "1024*", "*1024", "1024", "", "0*1024", "-1024*1024", "a*b"]
)
def test_a_size_that_is_not_width_star_height_is_refused(api, size):
    """§5.3 “size 格式：宽*高”"""
    status, code, message = api.create(size=size).refusal
    assert (status, code) == (400, "InvalidParameter")
    assert "width*height" in message


def test_the_width_comes_first(api):
    """§5.3 “宽*高”"""
    (picture,) = api.pictures(n=1, size="800*1200")
    assert opened(picture).size == (800, 1200)


@every_model
@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_a_task_makes_one_to_four_pictures(api, model, n):
    """§5.3 “n 1–4 张”"""
    assert len(set(api.links(model=model, n=n))) == n


@every_model
def test_four_pictures_are_the_default(api, model):
    """§5.3 “默认 4”"""
    body = {"model": model, "input": {"prompt": "花店"}}
    assert len(api.links(body=body)) == 4


@pytest.mark.parametrize("n", [0, 5, -1])
def test_another_n_is_refused(api, n):
    """§5.3 “n 1–4 张”"""
    answer = api.create(n=n)
    assert answer.refusal == (400, "InvalidParameter", "Range of n should be [1, 4]")


@every_model
@pytest.mark.parametrize("n", [1, 4])
def test_a_task_costs_as_many_pictures_as_it_makes(api, sim, model, n):
    """§5.3 “直接影响费用”, §13 “n 越大费用越高”"""
    task_id = api.submit(model=model, n=n)
    usage = [api.poll(task_id).json for _ in range(3)][-1]["usage"]
    assert usage == {"image_count": n}
    price = catalogue.load().models[model].price["beijing"]
    assert (sim.ledger.images, sim.ledger.cost) == (n, float(n * price))


@every_model
def test_prompt_extend_is_off_by_default_only_for_wan25(api, model):
    """§5.3 “2.5 默认 false；2.2 以下默认 true”"""
    (result,) = api.job(model=model, n=1)["results"]
    assert ("actual_prompt" in result) == (model != WAN25)


@every_model
@pytest.mark.parametrize("extend", [True, False])
def test_prompt_extend_is_whether_the_prompt_is_rewritten(api, model, extend):
    """§5.3 “是否开启智能提示词扩写”"""
    (result,) = api.job("一间花店", model, n=1, prompt_extend=extend)["results"]
    assert ("actual_prompt" in result) == extend
    assert result["orig_prompt"] == "一间花店"
    assert result.get("actual_prompt") != "一间花店"


def test_prompt_extend_takes_longer(connect, start):
    """§13 “prompt_extend 会增加延迟”"""
    lasted = []
    for extend in (False, True):
        sim = Simulator(timing="realistic", clock=ManualClock(start))
        connect(sim).submit(n=1, prompt_extend=extend)
        plan = sim.tasks.only.record.plan
        lasted.append(plan.ended - plan.submitted)
    assert 3 <= lasted[1] - lasted[0] <= 4


@every_model
def test_a_watermark_stands_at_the_lower_right(api, model):
    """§5.3 “是否添加水印（右下角 “AI生成”）”"""
    asked = {"model": model, "n": 1, "seed": 5, "size": "1024*768"}
    (plain,) = api.pictures(**asked, watermark=False)
    (marked,) = api.pictures(**asked, watermark=True)
    changed = ImageChops.difference(opened(plain).convert("RGB"), opened(marked).convert("RGB"))
    left, top, right, bottom = changed.getbbox()
    assert left > 512
    assert top > 384
    assert right <= 1024
    assert bottom <= 768


@pytest.mark.proves("create.watermark")
@every_model
def test_there_is_no_watermark_unless_asked_for(api, model):
    """§5.3 “是否添加水印”"""
    asked = {"model": model, "n": 1, "seed": 5, "size": "768*768"}
    assert api.pictures(**asked) == api.pictures(**asked, watermark=False)


@every_model
@pytest.mark.parametrize("seed", [0, 2147483647])
def test_a_seed_may_be_anything_in_its_range(api, model, seed):
    """§5.3 “seed 0–2147483647”"""
    (picture,) = api.pictures(model=model, n=1, seed=seed, size="768*768")
    assert opened(picture).text["seed"] == str(seed)


@pytest.mark.parametrize("seed", [-1, 2147483648])
def test_another_seed_is_refused(api, seed):
    """§5.3 “seed 0–2147483647”"""
    answer = api.create(seed=seed)
    message = "Range of seed should be [0, 2147483647]"
    assert answer.refusal == (400, "InvalidParameter", message)


@pytest.mark.proves("images.seeds")
@every_model
def test_several_pictures_take_the_seeds_that_follow(api, model):
    """§5.3 “n>1 时自动 seed+1 递增”"""
    pictures = api.pictures(model=model, n=4, seed=41, size="768*768")
    assert [opened(picture).text["seed"] for picture in pictures] == ["41", "42", "43", "44"]


@every_model
def test_a_fixed_seed_gives_the_same_picture(api, model):
    """§5.3 “用于结果可控性”, §13 “建议使用固定 seed 来改善可控性”"""
    asked = {"model": model, "n": 1, "size": "768*768"}
    assert api.pictures(**asked, seed=7) == api.pictures(**asked, seed=7)
    assert api.pictures(**asked, seed=7) != api.pictures(**asked, seed=8)


# --- §6 响应示例 --------------------------------------------------------------------------------


def test_the_answer_to_a_create_is_shaped_as_shown(api):
    """§6 “成功”"""
    answer = api.create()
    assert answer.status == 200
    assert list(answer.json) == ["output", "request_id"]
    assert list(answer.json["output"]) == ["task_status", "task_id"]
    assert answer.json["output"]["task_status"] == "PENDING"


def test_a_refusal_is_shaped_as_shown(connect, clock):
    """§6 “失败（示例）”"""
    answer = connect(Simulator(clock=clock, api_keys={})).create()
    assert list(answer.json) == ["code", "message", "request_id"]
    assert answer.json["code"] == "InvalidApiKey"
    assert answer.json["message"] == "Invalid API-key provided."


# --- §7 轮询任务结果 ----------------------------------------------------------------------------


@every_model
@pytest.mark.parametrize(("mark", "end"), [("", "SUCCEEDED"), ("[[fail:InternalError]]", "FAILED")])
def test_a_task_goes_from_pending_over_running_to_its_end(api, model, mark, end):
    """§7 “PENDING → RUNNING → (SUCCEEDED / FAILED)”"""
    history = api.history(api.submit(mark + "花店", model))
    assert [output["task_status"] for output in history] == ["PENDING", "RUNNING", end]


@pytest.mark.parametrize("seed", range(5))
def test_polling_every_ten_seconds_sees_each_status_in_turn(connect, clock, seed):
    """§7 “建议轮询间隔：10 秒”"""
    api = connect(Simulator(timing="realistic", seed=seed, clock=clock))
    task_id = api.submit(n=1)
    seen = [api.status(task_id)]
    for _ in range(13):
        clock.sleep(10)
        seen.append(api.status(task_id))
    assert list(dict.fromkeys(seen)) == ["PENDING", "RUNNING", "SUCCEEDED"]
    assert seen == sorted(seen, key=["PENDING", "RUNNING", "SUCCEEDED"].index)


def test_links_are_given_only_after_success(api):
    """§7 “成功后返回图像 URL”"""
    *before, last = api.history(api.submit(n=1))
    assert all("results" not in output for output in before)
    assert "url" in last["results"][0]


# --- §7, §8 图像 URL ----------------------------------------------------------------------------


def test_a_link_works_for_24_hours(api, clock):
    """§7 “有效期 24h”, §8 “链接有效期：24 小时”"""
    (link,) = api.links(n=1)
    clock.advance(hours=24, seconds=-1)
    assert api.get(link).status == 200


def test_a_link_is_refused_after_24_hours(api, clock):
    """§8 “链接有效期：24 小时”"""
    (link,) = api.links(n=1)
    clock.advance(hours=24)
    answer = api.get(link)
    error = ET.fromstring(answer.body)  # noqa: S314 - it is our own
    assert answer.status == 403
    assert answer.headers["content-type"] == "application/xml"
    assert (error.tag, error.findtext("Code")) == ("Error", "AccessDenied")
    assert error.findtext("Message") == "Request has expired."


def test_a_link_counts_its_24_hours_from_the_end_of_the_task(connect, clock):
    """§8 “链接有效期：24 小时”, however long the task took"""
    api = connect(Simulator(clock=clock, timing="seconds:3600,3600"))
    task_id = api.submit(n=1)
    clock.advance(hours=3)
    link = api.history(task_id)[-1]["results"][0]["url"]
    clock.advance(hours=22, minutes=59)
    assert api.get(link).status == 200
    clock.advance(minutes=2)
    assert api.get(link).status == 403


# --- §9 常见分辨率推荐 --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "size",
    [
        "1280*1280",
        "1024*1024",
        "800*1200",
        "1200*800",
        "960*1280",
        "1280*960",
        "720*1280",
        "1280*720",
        "1344*576",
    ],
)
def test_every_recommended_size_is_made(api, size):
    """§9 “常见分辨率推荐”"""
    (picture,) = api.pictures(model=WAN25, n=1, size=size)
    assert "{}*{}".format(*opened(picture).size) == size


# --- §10 Task 响应字段 --------------------------------------------------------------------------


@pytest.mark.proves("lifecycle.retention")
@pytest.mark.parametrize("polls", [0, 3])
def test_a_task_id_is_valid_for_24_hours(api, clock, polls):
    """§10 “task_id 24h 有效”"""
    task_id = api.submit()
    for _ in range(polls):
        api.poll(task_id)
    clock.advance(hours=24, seconds=-1)
    assert api.status(task_id) != "UNKNOWN"
    clock.advance(seconds=1)
    answer = api.poll(task_id)
    assert answer.status == 200
    assert answer.output == {"task_id": task_id, "task_status": "UNKNOWN"}


@pytest.mark.parametrize(
    "status", ["PENDING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELED", "UNKNOWN"]
)
def test_every_status_can_be_had(api, sim, status):
    """§10 “task_status: PENDING / RUNNING / SUCCEEDED / FAILED / CANCELED / UNKNOWN”"""
    task_id = api.submit()
    reach = {
        "PENDING": lambda: None,
        "RUNNING": lambda: api.poll(task_id),
        "SUCCEEDED": lambda: sim.finish(task_id),
        "FAILED": lambda: sim.fail(task_id),
        "CANCELED": lambda: api.cancel(task_id),
        "UNKNOWN": lambda: sim.clock.advance(hours=24),
    }
    reach[status]()
    assert api.status(task_id) == status


def test_every_answer_has_a_request_id_of_its_own(api):
    """§10 “request_id 用于日志排查”"""
    created = api.create()
    task_id = created.output["task_id"]
    answers = [created, api.poll(task_id), api.poll(task_id), api.create(n=0)]
    assert len({answer.json["request_id"] for answer in answers}) == 4


def test_a_failed_task_says_why(api, sim):
    """§10 “code / message 错误信息（仅失败时返回）”"""
    task_id = api.submit()
    sim.fail(task_id, "DataInspectionFailed")
    output = api.poll(task_id).output
    assert output["code"] == "DataInspectionFailed"
    assert output["message"] == "Input data may contain inappropriate content."


@pytest.mark.parametrize("status", ["PENDING", "RUNNING", "SUCCEEDED", "CANCELED", "UNKNOWN"])
def test_any_other_task_has_neither_code_nor_message(api, sim, status):
    """§10 “code / message（仅失败时返回）”"""
    task_id = api.submit()
    if status == "CANCELED":
        api.cancel(task_id)
    elif status == "UNKNOWN":
        sim.clock.advance(hours=24)
    answers = [api.poll(task_id) for _ in range(3)]
    answer = next(answer for answer in answers if answer.output["task_status"] == status)
    assert not {"code", "message"} & (set(answer.json) | set(answer.output))


# --- §11 错误排查 -------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["wan2.5-t2i", "wanx-v9", "WAN2.5-T2I-PREVIEW", "gpt-image-1"])
def test_an_unknown_model_is_refused(api, model):
    """§11 “参数校验错误”, of §2’s list"""
    assert api.create(model=model).refusal == (400, "InvalidParameter", "Model not exist.")


@pytest.mark.parametrize(
    "body", [b"{", b"", b"not json", b'{"model": "wan2.5', b"\xff\xfe", b"[]", b"7"]
)
def test_a_body_that_is_no_json_object_is_refused(api, body):
    """§11 “参数校验错误”, of §5’s body"""
    status, code, message = api.create(body=body).refusal
    assert (status, code) == (400, "InvalidParameter")
    assert "request body format" in message


@pytest.mark.parametrize(
    ("parameter", "value", "says"),
    [
        ("size", 1024, "string"),
        ("n", "1", "integer"),
        ("n", 1.5, "integer"),
        ("prompt_extend", "yes", "boolean"),
        ("watermark", 1, "boolean"),
        ("seed", "7", "integer"),
    ],
)
def test_a_parameter_of_another_type_is_refused(api, parameter, value, says):
    """§5.3 “类型”"""
    status, code, message = api.create(**{parameter: value}).refusal
    assert (status, code) == (400, "InvalidParameter")
    assert f"parameters.{parameter}" in message
    assert says in message


# --- §12 完整调用流程 (curl) --------------------------------------------------------------------

STEP_1 = r"""
curl -X POST https://dashscope-intl.aliyuncs.com/api/v1/services/aigc/text2image/image-synthesis \
-H 'X-DashScope-Async: enable' \
-H "Authorization: Bearer $DASHSCOPE_API_KEY" \
-H 'Content-Type: application/json' \
-d '{
    "model": "wan2.5-t2i-preview",
    "input": { "prompt": "花店，木门，精致窗户，摆放着花朵" },
    "parameters": { "size": "1024*1024", "n": 1 }
}'
"""

STEP_2 = r"""
curl -X GET https://dashscope-intl.aliyuncs.com/api/v1/tasks/<task_id> \
-H "Authorization: Bearer $DASHSCOPE_API_KEY"
"""


@pytest.fixture
def run_curl(start):
    """Runs a command of the document with only the host changed; what it printed, as JSON."""
    if shutil.which("curl") is None:
        pytest.fail("the document's commands are run as they stand: install curl")
    sim = Simulator(clock=ManualClock(start), api_keys={"sk-curl": "singapore"}, region="singapore")
    with sim.serve() as server:

        def run(command):
            command = command.replace("https://dashscope-intl.aliyuncs.com", server.url)
            environment = os.environ | {"DASHSCOPE_API_KEY": "sk-curl", "NO_PROXY": "127.0.0.1"}
            done = subprocess.run(
                ["sh", "-c", command], env=environment, capture_output=True, timeout=30, check=True
            )
            return json.loads(done.stdout)

        yield run


def test_the_documents_first_curl_command_creates_a_task(run_curl):
    """§12 “Step 1: 创建任务”"""
    answer = run_curl(STEP_1)
    assert answer["output"]["task_status"] == "PENDING"


def test_the_documents_second_curl_command_queries_it_to_its_end(run_curl):
    """§12 “Step 2: 查询任务结果”"""
    task_id = run_curl(STEP_1)["output"]["task_id"]
    answers = [run_curl(STEP_2.replace("<task_id>", task_id)) for _ in range(3)]
    assert [answer["output"]["task_status"] for answer in answers] == [
        "PENDING",
        "RUNNING",
        "SUCCEEDED",
    ]
    (result,) = answers[-1]["output"]["results"]
    assert result["orig_prompt"] == "花店，木门，精致窗户，摆放着花朵"
