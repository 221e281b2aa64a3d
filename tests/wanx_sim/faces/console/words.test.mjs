import assert from "node:assert/strict";
import test from "node:test";

import * as words from "./words.js";

const same = (function_, cases) =>
  cases.forEach(([given, said]) => assert.deepEqual(function_(...given), said, `of ${given}`));

test("a span is said in its two largest units", () =>
  same(words.span, [
    [[-1], "0 s"], [[59.9], "59 s"], [[60], "1 min"], [[3599], "59 min"], [[3600], "1 h"],
    [[7500], "2 h 5 min"], [[86_400], "1 d"], [[93_600], "1 d 2 h"],
  ]));

test("a duration has a tenth where that says something", () =>
  same(words.took, [[[0], "0 s"], [[2.04], "2 s"], [[2.55], "2.6 s"], [[12.5], "12 s"]]));

test("a moment is the service's, in Beijing, wherever the browser is", () => {
  assert.equal(words.moment(Date.UTC(2025, 9, 28, 20, 0, 3) / 1000), "2025-10-29 04:00:03");
  assert.equal(words.timeOfDay(Date.UTC(2025, 9, 28, 4, 0, 3, 250) / 1000), "12:00:03.250");
});

test("money and numbers", () => {
  same(words.money, [[[0.2], "¥0.20"], [[12], "¥12.00"]]);
  same(words.counted, [[[1, "image"], "1 image"], [[0, "image"], "0 images"]]);
});

test("a text is shown in the characters of its language", () =>
  same(words.languageOf, [[["一间花店"], "zh-CN"], [["花屋の猫"], "ja"], [["a shop"], ""]]));

test("only links of the web are followed", () =>
  same(words.webLink, [
    [["http://127.0.0.1:8965/oss/x.png?a=1"], "http://127.0.0.1:8965/oss/x.png?a=1"],
    [["javascript:alert(1)"], null], [["JAVASCRIPT:alert(1)"], null], [["\tjava\nscript:x"], null],
    [["data:text/html,x"], null], [["blob:http://a/b"], null], [["/relative"], null], [[""], null],
  ]));

test("a query holds what is set, and escapes it", () =>
  same(words.query, [
    [[{ limit: 5, status: "", model: undefined }], "?limit=5"], [[{}], ""],
    [[{ task_id: "a&b=c" }], "?task_id=a%26b%3Dc"],
  ]));

test("a place survives being written into the address", () => {
  const usual = words.readPlace("");
  assert.equal(words.writePlace(usual), "");
  const place = { ...usual, view: "requests", session: "qa", task: "1 & 2" };
  assert.deepEqual(words.readPlace(words.writePlace(place)), place);
  assert.deepEqual(words.readPlace("#view=<script>&what=1"), usual);
});

test("a lost server is asked less and less often, and never given up", () =>
  same(words.pause, [[[0], 1000], [[1], 1000], [[2], 2000], [[3], 4000], [[4], 5000], [[99], 5000]]));

test("what can be done to a task", () => {
  const can = (finish, fail, expire) => ({ finish, fail, expire });
  same(words.possible, [
    [[{ status: "PENDING" }], can(true, true, false)],
    [[{ status: "RUNNING" }], can(true, true, false)],
    [[{ status: "SUCCEEDED", results: [{ url: "http://x" }] }], can(false, false, true)],
    [[{ status: "SUCCEEDED", results: [{ url: "http://x", expired: true }] }], can(false, false, false)],
    [[{ status: "FAILED" }], can(false, false, false)],
  ]);
});

test("the times of a task, each after the one before", () =>
  assert.deepEqual(words.times({ submitted: 0, scheduled: 5, ended: 25 }), [
    ["submitted", "1970-01-01 08:00:00"],
    ["scheduled", "1970-01-01 08:00:05, after 5 s"],
    ["ended", "1970-01-01 08:00:25, after 20 s"],
  ]));

test("an answer is what it says of the task, or why there is none", () =>
  same(words.answer, [
    [[{ status: 200, task_status: "FAILED" }], ["200 FAILED", "FAILED"]],
    [[{ status: 206 }], ["206", "OK"]],
    [[{ status: 429, code: "Throttling" }], ["429 Throttling", "REFUSED"]],
    [[{ status: null }], ["connection lost", "LOST"]],
  ]));

test("a fault in a line, and how often it struck", () => {
  same(words.faultLine, [
    [[{ code: "Throttling", times: 2 }], "create: code Throttling"],
    [[{ on: "query", lost_response: true, nth: 3 }], "query: lost response, nth 3"],
  ]);
  same(words.struckLine, [
    [[{}, 0], "struck 0 of 1"], [[{ times: 2 }, 1], "struck 1 of 2"],
    [[{ times: null }, 1], "struck 1 time, every one"],
  ]);
  same(words.spent, [[[{}, 1], true], [[{ times: 2 }, 1], false], [[{ times: null }, 9], false]]);
});

test("equal entries have keys of their own", () => {
  const keys = words.keyed([{ at: 1 }, { at: 1 }, { at: 2 }]).map(([key]) => key);
  assert.equal(new Set(keys).size, 3);
  assert.deepEqual(words.keyed([{ at: 1 }])[0][0], keys[0]);
});

test("a service of any name is explained", () => {
  assert.match(words.explained("player"), /^It replays a cassette/);
  for (const name of ["constructor", "toString", "other"]) assert.match(words.explained(name), /^It has no/);
});
