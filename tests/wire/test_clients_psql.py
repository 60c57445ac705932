"""psql against a whole server: what a person sees."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pgstream.testing.server import Server

pytestmark = pytest.mark.skipif(shutil.which("psql") is None, reason="psql is not installed")

LONG = "select pg_sleep(50)"
"""A query that runs for long."""


def psql(server: Server, script: str, *flags: str) -> str:
    """What psql prints for `script`, errors included, in order."""
    command = [
        "psql",
        "-X",
        "-q",
        "-A",
        "-t",
        "-h",
        "127.0.0.1",
        "-p",
        str(server.port),
        "-U",
        "ann",
        *flags,
        "postgres",
    ]
    done = subprocess.run(
        command, input=script, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False
    )
    return done.stdout


def test_select(server: Server) -> None:
    assert psql(server, "select 1, 'two', null, true; select 3.50;") == "1|two||t\n3.50\n"


def test_table_round_trip(server: Server) -> None:
    script = """
        create table fruit (id int primary key, name text);
        insert into fruit values (1, 'fig'), (2, null);
        select * from fruit order by id;
        update fruit set name = 'date' where id = 2 returning *;
        delete from fruit where id = 1;
        select count(*) from fruit;
        drop table fruit;
    """
    assert psql(server, script) == "1|fig\n2|\n2|date\n1\n"


def test_tags(server: Server) -> None:
    script = (
        "create table tagged (a int);\ninsert into tagged values (1), (2);\nupdate tagged set a = 3;\n"
        "begin;\ndelete from tagged;\nrollback;\nset timezone = 'UTC';\nprepare p as select 1;\ndeallocate p;\n"
        "drop table tagged;\n"
    )
    tags = "CREATE TABLE|INSERT 0 2|UPDATE 2|BEGIN|DELETE 2|ROLLBACK|SET|PREPARE|DEALLOCATE|DROP TABLE"
    printed = subprocess.run(
        ["psql", "-X", "-h", "127.0.0.1", "-p", str(server.port), "-U", "ann", "postgres"],
        input=script, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False,
    ).stdout  # fmt: skip
    assert printed.split("\n") == [*tags.split("|"), ""]


def test_errors_point_at_the_place(server: Server) -> None:
    assert (
        psql(server, "select 1 +;") == 'ERROR:  syntax error at or near ";"\nLINE 1: select 1 +;\n                  ^\n'
    )
    assert (
        psql(server, "select nope;") == 'ERROR:  column "nope" does not exist\nLINE 1: select nope;\n               ^\n'
    )
    assert psql(server, "\\set VERBOSITY sqlstate\nselect * from nope;").strip() == "ERROR:  42P01"


def test_failed_transaction(server: Server) -> None:
    aborted = "ERROR:  current transaction is aborted, commands ignored until end of transaction block"
    printed = psql(server, "begin;\nselect 1/0;\nselect 1;\ncommit;\nselect 2;")
    assert printed.split("\n") == ["ERROR:  division by zero", aborted, "2", ""]


def test_several_statements_are_one_transaction(server: Server) -> None:
    psql(server, "create table whole (a int)")
    command = ["-c", "insert into whole values (1); insert into whole values (1/0)"]
    assert "division by zero" in psql(server, "", *command)
    assert psql(server, "select count(*) from whole; drop table whole;") == "0\n"


def test_settings(server: Server) -> None:
    script = "set statement_timeout = '90s'; show statement_timeout; reset all; show statement_timeout; show nope;"
    expected = '90s\n0\nERROR:  unrecognized configuration parameter "nope"\n'
    assert psql(server, script) == expected
    assert psql(server, "select set_config('my.own', 'x', false), current_setting('my.own');") == "x|x\n"


def test_warnings(server: Server) -> None:
    assert psql(server, "commit;") == "WARNING:  there is no transaction in progress\n"
    assert psql(server, "begin;\nbegin;") == "WARNING:  there is already a transaction in progress\n"


def test_copy(server: Server) -> None:
    script = (
        "create table copied (a int, b text);\n"
        "copy copied from stdin;\n1\tx\\ty\n2\t\\N\n\\.\n"
        'copy copied from stdin csv;\n3,"c,d"\n\\.\n'
        "copy (select * from copied order by a) to stdout;\n"
        "copy (select a from copied order by a desc) to stdout csv header;\n"
        "copy copied from stdin;\nq\tx\n\\.\n"
        "drop table copied;\n"
    )
    assert psql(server, script) == (
        "1\tx\\ty\n2\t\\N\n3\tc,d\na\n3\n2\n1\n"
        'ERROR:  invalid input syntax for type integer: "q"\nCONTEXT:  COPY copied, line 1, column a: "q"\n'
    )


def test_execute_and_copy_of_a_table(server: Server) -> None:
    script = (
        "create table listed (a int, b text);\ninsert into listed values (1, 'x');\ncopy listed to stdout;\n"
        "copy listed (b, a) to stdout csv;\nprepare q(int, text) as select $1 + 1, $2;\nexecute q(41, 'y');\n"
        "execute q('7', 2);\nexecute q(1);\nexecute nope;\ndrop table listed;\n"
    )
    assert psql(server, script) == (
        "1\tx\nx,1\n42|y\n8|2\n"
        'ERROR:  wrong number of parameters for prepared statement "q"\nDETAIL:  Expected 2 parameters but got 1.\n'
        'ERROR:  prepared statement "nope" does not exist\n'
    )


def test_cursors(server: Server) -> None:
    script = (
        "begin;\ndeclare c scroll cursor for select * from generate_series(1, 5);\nfetch 2 c;\nfetch backward c;\n"
        "fetch all c;\nfetch prior c;\nfetch first c;\nfetch absolute -2 c;\nfetch relative -2 c;\ncommit;\nfetch c;\n"
    )
    rows = ["1", "2", "1", "2", "3", "4", "5", "5", "1", "4", "2"]
    assert psql(server, script).split("\n") == [*rows, 'ERROR:  cursor "c" does not exist', ""]


def test_listen_and_notify(server: Server) -> None:
    assert 'Asynchronous notification "news" with payload "hot"' in psql(server, "listen news;\nnotify news, 'hot';")


def test_statement_timeout(server: Server) -> None:
    started = time.monotonic()
    printed = psql(
        server,
        f"set statement_timeout = '200ms'; {LONG};",
    )
    assert printed == "ERROR:  canceling statement due to statement timeout\n"
    assert time.monotonic() - started < 30


def test_cancel(server: Server) -> None:
    command = ["psql", "-X", "-h", "127.0.0.1", "-p", str(server.port), "-U", "ann", "postgres"]
    child = subprocess.Popen([*command, "-c", LONG], stderr=subprocess.PIPE, text=True)
    time.sleep(1.5)
    child.send_signal(signal.SIGINT)
    _, error = child.communicate(timeout=60)
    assert "canceling statement due to user request" in error


def test_a_second_server_on_the_directory_is_refused(server: Server) -> None:
    command = [sys.executable, "-m", "pgstream", "serve", "--data-dir", str(server.data), "--listen", "127.0.0.1:0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert done.stderr.strip().count("\n") == 0
    assert str(server.data) in done.stderr


def test_what_was_committed_is_there_after_a_stop_and_a_kill(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.start()
    psql(server, "create table kept (a int); insert into kept values (1);")
    assert server.stop() == 0
    server.start()
    assert psql(server, "select * from kept; insert into kept values (2);") == "1\n"
    server.kill()
    server.start()
    assert psql(server, "select * from kept order by a;") == "1\n2\n"
    assert server.stop() == 0


def test_no_password_no_listening_abroad(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pgstream", "serve", "--data-dir", str(tmp_path / "d"), "--listen", "0.0.0.0:0"]
    environment = {name: value for name, value in os.environ.items() if name != "PGSTREAM_PASSWORD"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
    assert done.returncode == 2
    assert "refusing to listen on 0.0.0.0 without a password" in done.stderr


def test_explain_of_a_prepared_statement(server: Server) -> None:
    prepared = "prepare p (int) as select n.n + $1 as m from generate_series(1, 2) n;\n"
    written = psql(server, f"{prepared}explain execute p (1);")
    assert written.splitlines()[0].startswith("Project ")
    assert "+ $1 AS m" in written
    [told] = json.loads(psql(server, f"{prepared}explain (analyze, format json) execute p (null);"))
    assert told["Plan"]["Output"] == ["m"]
    assert told["Rows"] == 2
    assert len(told["Plan"]["Plans"]) == 1
