import gzip
import json
import os
import threading

import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.profiler import profile, record_function


@pytest.fixture
def traced(tmp_path):
    model = nn.Sequential(nn.Linear(4, 5), nn.ReLU())
    optimizer = tg.optim.SGD(model.parameters())
    with profile(record_shapes=True, profile_memory=True, with_modules=True) as prof:
        with record_function('a "label"\n', args="more"):
            model(tg.ones(3, 4)).sum().backward()
        optimizer.step()
    path = tmp_path / "trace.json"
    prof.export_chrome_trace(path)
    return prof, json.loads(path.read_text(encoding="utf-8"))


def entries(trace, phase):
    return [entry for entry in trace["traceEvents"] if entry["ph"] == phase]


def test_the_file_is_chromes_object_format(traced):
    _, trace = traced
    assert set(trace) == {"schemaVersion", "displayTimeUnit", "traceEvents"}
    assert trace["displayTimeUnit"] == "ms"
    for entry in trace["traceEvents"]:
        assert {"ph", "name", "pid", "tid", "ts"} <= set(entry)
        assert entry["pid"] == os.getpid()
        assert type(entry["tid"]) is int
        assert entry["ts"] >= 0


def test_every_event_is_a_bar(traced):
    prof, trace = traced
    bars = entries(trace, "X")
    assert [bar["name"] for bar in bars] == [event.name for event in prof.events()]
    assert [(b["ts"], b["dur"]) for b in bars] == [(e.time_range.start, e.cpu_time_total) for e in prof.events()]
    categories = {bar["name"]: bar["cat"] for bar in bars}
    assert categories["linear"] == "forward"
    assert categories["LinearBackward0"] == categories["matmul"] == categories["AccumulateGrad"] == "backward"
    assert categories['a "label"\n'] == "user_annotation"
    assert categories["nn.Module: Sequential.0"] == "module"
    assert categories["Optimizer.step#SGD.step"] == "optimizer"
    notes = {bar["name"]: bar["args"] for bar in bars}
    assert notes["relu"] == {
        "Input Dims": [[3, 5]],
        "Module Hierarchy": "Sequential.1",
        "Bytes made": 60,
        "Bytes kept for backward": 60,
    }
    assert notes['a "label"\n'] == {"Args": "more"}


def test_bars_of_a_thread_nest(traced):
    """A viewer draws what overlaps only in part in the wrong place."""
    _, trace = traced
    open_until = []
    for bar in sorted(entries(trace, "X"), key=lambda bar: (bar["ts"], -bar["dur"])):
        while open_until and open_until[-1] <= bar["ts"]:
            open_until.pop()
        end = round(bar["ts"] + bar["dur"], 3)
        assert not open_until or end <= open_until[-1]
        open_until.append(end)


def test_arrows_lead_from_forward_to_backward(traced):
    prof, trace = traced
    starts = {entry["id"]: entry for entry in entries(trace, "s")}
    ends = {entry["id"]: entry for entry in entries(trace, "f")}
    assert starts.keys() == ends.keys()
    at = {event.time_range.start: event.name for event in prof.events()}
    pairs = {(at[starts[i]["ts"]], at[ends[i]["ts"]]) for i in starts}
    assert pairs == {("linear", "LinearBackward0"), ("relu", "ReluBackward0"), ("sum", "SumBackward0")}
    assert {entry["bp"] for entry in ends.values()} == {"e"}
    assert {entry["cat"] for entry in [*starts.values(), *ends.values()]} == {"fwdbwd"}


def test_memory_is_drawn_as_curves(traced):
    _, trace = traced
    curves = entries(trace, "C")
    assert {entry["name"] for entry in curves} == {"Memory of results", "Kept for backward"}
    kept = [entry for entry in curves if entry["name"] == "Kept for backward"]
    assert [entry["args"]["bytes"] for entry in kept][-1] == 0
    assert max(entry["args"]["bytes"] for entry in kept) == 60
    assert [entry["ts"] for entry in kept] == sorted(entry["ts"] for entry in kept)


def test_process_and_threads_have_names(tmp_path):
    with profile() as prof:
        thread = threading.Thread(target=tg.ones(1).exp, name="loader")
        thread.start()
        thread.join()
        tg.ones(1).sin()
    prof.export_chrome_trace(str(tmp_path / "trace.json"))
    trace = json.loads((tmp_path / "trace.json").read_text(encoding="utf-8"))
    names = {entry["tid"]: entry["args"]["name"] for entry in entries(trace, "M") if entry["name"] == "thread_name"}
    assert {names[bar["tid"]]: bar["name"] for bar in entries(trace, "X")} == {"loader": "exp", "MainThread": "sin"}


def test_a_path_in_gz_is_compressed(tmp_path, traced):
    prof, trace = traced
    prof.export_chrome_trace(tmp_path / "trace.json.gz")
    assert json.loads(gzip.decompress((tmp_path / "trace.json.gz").read_bytes())) == trace


def test_a_trace_that_fails_leaves_the_older_file(tmp_path, monkeypatch):
    path = tmp_path / "trace.json"
    path.write_text("old")
    with profile() as prof:
        tg.ones(1).exp()
    monkeypatch.setattr(os, "replace", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        prof.export_chrome_trace(path)
    assert (path.read_text(), os.listdir(tmp_path)) == ("old", ["trace.json"])


def test_an_empty_profile_is_a_valid_trace(tmp_path):
    with profile() as prof:
        pass
    prof.export_chrome_trace(tmp_path / "trace.json")
    trace = json.loads((tmp_path / "trace.json").read_text(encoding="utf-8"))
    assert [entry["name"] for entry in trace["traceEvents"]] == ["process_name"]
