import pytest

import tinygrad_edu as tg
from tinygrad_edu.profiler import ProfilerActivity, profile, record_function, supported_activities
from tinygrad_edu.profiler.table import format_memory, format_time


@pytest.fixture
def prof(clock, ops):
    with profile() as prof:
        with record_function("block"):
            clock.spend(1000)
            ops.slow(tg.ones(2))
        ops.slow(tg.ones(2))
        clock.spend(20)
    return prof


def test_the_table_to_the_letter(prof):
    rule = "  ".join(["------------"] * 7)
    assert prof.key_averages().table(sort_by="self_cpu_time_total") == "\n".join(
        [
            rule,
            "        Name    Self CPU %      Self CPU   CPU total %     CPU total  CPU time avg    # of Calls",
            rule,
            "       block        98.62%       1.000ms        99.31%       1.007ms       1.007ms             1",
            "        slow         1.38%      14.000us         1.38%      14.000us       7.000us             2",
            rule,
            "Self CPU time total: 1.014ms",
            "Of it: forward 14.000us (1.38%), backward 0.000us (0.00%), optimizer 0.000us (0.00%)",
            "Wall time: 1.034ms, of it outside the events above: 20.000us (1.93%)",
            "",
        ]
    )


def rows_of(table):
    lines = table.splitlines()
    rules = [i for i, line in enumerate(lines) if line.startswith("---")]
    return [line.split() for line in lines[rules[1] + 1 : rules[2]]]


def test_sorting_limits_and_units(prof):
    rows = prof.key_averages()
    assert [row[0] for row in rows_of(rows.table(sort_by="count"))] == ["slow", "block"]
    assert [row[0] for row in rows_of(rows.table())] == ["block", "slow"]
    assert len(rows_of(rows.table(row_limit=1))) == 1
    assert len(rows_of(rows.table(row_limit=-1))) == 2
    assert rows_of(rows.table(time_unit="ms"))[1][2] == "0.014ms"
    assert rows_of(rows.table(time_unit="s"))[0][2] == "0.001s"
    assert str(rows) == rows.table()


def test_the_percentages_are_of_all_rows_whatever_is_shown(prof):
    table = prof.key_averages().table(sort_by="count", row_limit=1)
    assert rows_of(table)[0][:2] == ["slow", "1.38%"]


def test_header_and_top_level_only(prof):
    lines = prof.events().table(header="Step 3", top_level_events_only=True).splitlines()
    assert lines[0] == lines[2] == "=" * len(lines[4])
    assert lines[1] == "Step 3"
    assert lines[3] == "This report only display top-level ops statistics"
    assert [row[0] for row in rows_of("\n".join(lines))] == ["block", "slow"]
    assert len(rows_of(prof.events().table())) == 3


def test_long_names_are_cut(clock):
    with profile() as prof, record_function("x" * 100):
        pass
    assert rows_of(prof.key_averages().table())[0][0] == "x" * 52 + "..."
    assert rows_of(prof.key_averages().table(max_name_column_width=None))[0][0] == "x" * 100


def test_no_time_at_all_is_nan_percent(clock):
    with profile() as prof:
        tg.ones(1).exp()
    assert rows_of(prof.key_averages().table())[0] == ["exp", "NaN", "0.000us", "NaN", "0.000us", "0.000us", "1"]


def test_an_empty_profile_is_an_empty_table():
    with profile() as prof:
        pass
    assert (prof.key_averages().table(), prof.events(), prof.key_averages().self_cpu_time_total) == ("", [], 0)


def test_total_average(prof):
    total = prof.events().total_average()
    assert (total.key, total.count, total.self_cpu_time_total) == ("Total", 3, 1014)


@pytest.mark.parametrize(
    ("us", "text"), [(0, "0.000us"), (999.9994, "999.999us"), (1000, "1.000ms"), (1e6, "1.000s"), (9e7, "90.000s")]
)
def test_times_are_written_in_the_unit_that_suits(us, text):
    assert format_time(us) == text


@pytest.mark.parametrize(
    ("n", "text"), [(0, "0 B"), (1023, "1023 B"), (1024, "1.00 KB"), (1536 << 10, "1.50 MB"), (2 << 30, "2.00 GB")]
)
def test_bytes_are_written_in_the_unit_that_suits(n, text):
    assert format_memory(n) == text


def test_what_cannot_be_sorted_by_is_refused(prof):
    with pytest.raises(AttributeError, match="cannot sort by 'cuda_time_total'; sort_by is one of self_cpu_time_total"):
        prof.key_averages().table(sort_by="cuda_time_total")
    with pytest.raises(ValueError, match="time_unit is 's', 'ms', 'us' or None, but got 'h'"):
        prof.key_averages().table(time_unit="h")


@pytest.mark.parametrize(
    ("option", "switch"),
    [({"group_by_input_shape": True}, "record_shapes"), ({"group_by_stack_n": 1}, "with_stack")]
    + [({"group_by_module": True}, "with_modules")],
)
def test_grouping_by_what_was_not_recorded_warns(prof, option, switch):
    with pytest.warns(UserWarning, match=rf"does nothing without profile\({switch}=True\)"):
        prof.key_averages(**option)


@pytest.mark.parametrize(
    ("ask", "what"),
    [(lambda p: p.events(), "accessing events"), (lambda p: p.key_averages(), "getting key averages")]
    + [(lambda p: p.export_chrome_trace("trace.json"), "exporting chrome trace")],
)
def test_nothing_can_be_asked_before_anything_was_recorded(ask, what):
    with pytest.raises(AssertionError, match=f"Profiler must be initialized before {what}"):
        ask(profile())


def test_what_is_finished_can_be_asked_for_while_the_profile_runs():
    with profile() as prof, record_function("open"):
        tg.ones(1).exp()
        assert [row.key for row in prof.key_averages()] == ["exp"]


def test_activities():
    assert profile().activities == supported_activities() == {ProfilerActivity.CPU}
    with pytest.warns(UserWarning, match="CUDA is not available"):
        both = profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA])
    assert both.activities == {ProfilerActivity.CPU}
    with pytest.raises(AssertionError, match="No valid profiler activities found"):
        profile(activities=[])
    with pytest.warns(UserWarning, match="CUDA"), pytest.raises(AssertionError, match="No valid profiler activities"):
        profile(activities=[ProfilerActivity.CUDA])
    with pytest.raises(TypeError, match="Expected ProfilerActivity, got str: 'cpu'"):
        profile(activities=["cpu"])
    with pytest.raises(ValueError, match=r"ProfilerActivity\.CPU specified more than once"):
        profile(activities=[ProfilerActivity.CPU] * 2)
    with pytest.raises(TypeError, match="positional"):
        profile([ProfilerActivity.CPU])
