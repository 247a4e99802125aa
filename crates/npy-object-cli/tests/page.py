"""Tests the page of `npyo view` in Chromium.

    python page.py NPYO                     # the path of the command: target/debug/npyo
    python page.py NPYO --shots FOLDER      # also write pictures of the page, for people

Makes its files with NumPy, starts the command, and drives Chromium by chromedriver. Prints a line for each check. The exit
code is 1 if one has failed. Selenium and NumPy are installed into an environment in target/page; Chromium and chromedriver
are those of the system, and are installed with apt-get where they are missing and that is possible.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import checks

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = {"chromium": ["chromium", "chromium-browser", "google-chrome"], "chromium-driver": ["chromedriver"]}

try:
    import numpy
    from selenium import webdriver
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait
except ImportError:
    webdriver = None

MILLION = 1_000_000
DESKTOP = (1280, 800)
PHONE = (390, 844)

# Limits of one step in the list: two requests of 50 rows, and the rows of a high window.
MOST_BYTES = 64 << 10
MOST_ROWS = 80


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("npyo")
    arguments.add_argument("--shots", help="a folder for pictures of the page")
    chosen = arguments.parse_args()
    if webdriver is None:
        return checks.in_environment("page", {"numpy": "numpy", "selenium": "selenium"})
    programs = [find(package) for package in PROGRAMS]
    if None in programs:
        print("chromium and chromedriver are missing: apt-get install", *PROGRAMS)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        make(folder)
        with Server(chosen.npyo, folder) as server, browser(programs, folder) as driver:
            page = Page(driver, server.address)
            code = checks.run(globals(), page)
            if chosen.shots:
                take_shots(page, chosen.shots)
    return code


def find(package):
    """Returns the path of a program of a Debian package, which is installed where it is missing; None if that fails."""
    for attempt in range(2):
        for name in PROGRAMS[package]:
            if shutil.which(name):
                return shutil.which(name)
        if attempt == 0 and shutil.which("apt-get"):
            subprocess.run(["apt-get", "install", "--yes", "--quiet", package], stdout=subprocess.DEVNULL)
    return None


# The files.

MARKUP = "<img src=x onerror=\"document.title='hacked'\"><script>document.title='hacked'</script>"


class Hostile:
    def __reduce__(self):
        return os.system, ("touch " + MARKUP,)


def make(folder):
    """Writes the files that the page shows."""

    def save(name, values):
        array = numpy.empty(len(values), object)
        array[:] = values
        numpy.save(os.path.join(folder, name), array)

    save("million.npy", ["name %d" % number for number in range(MILLION)])
    save("ragged.npy", [numpy.sin(numpy.arange(10 + 500 * number) / 20) for number in range(40)])
    colours = numpy.zeros((40, 60, 3), numpy.uint8)
    colours[:, :20, 0] = colours[:, 20:40, 1] = colours[:, 40:, 2] = 255
    colours[10:30] //= 2
    grid = numpy.hypot(*numpy.mgrid[-1:1:80j, -2:2:160j])
    save("images.npy", [colours, grid, numpy.random.default_rng(1).normal(size=(4, 30, 50))])
    deep = {"level": {"inner": {"list": [1, 2, {"answer": 42}], "weights": numpy.arange(1000.0)}}, "name": "deep"}
    numpy.save(os.path.join(folder, "nested.npy"), deep)
    save("large.npy", [numpy.cumsum(numpy.random.default_rng(2).normal(size=2_000_000)), numpy.arange(3)])
    numpy.save(os.path.join(folder, "plain.npy"), numpy.arange(600.0).reshape(20, 30))
    numpy.savez(os.path.join(folder, "both.npz"), first=numpy.arange(5), second=numpy.array([{"a": 1}, None], object))
    save("markup.npy", [MARKUP, {MARKUP: MARKUP}])
    save("hostile.npy", [1, Hostile()])
    save("records.npy", [{"id": n, "name": "row %d" % n, "scores": [n / 7] * (n % 5)} for n in range(3000)])
    with open(os.path.join(folder, "records.npy"), "rb") as file:
        whole = file.read()
    with open(os.path.join(folder, "truncated.npy"), "wb") as file:
        file.write(whole[: len(whole) * 2 // 3])
    # A list in a list, 100,000 deep.
    with open(os.path.join(folder, "deeper.pkl"), "wb") as file:
        file.write(b"\x80\x04" + b"]" * 100_000 + b"a" * 99_999 + b".")


class Server:
    """The command `npyo view`."""

    def __init__(self, npyo, folder):
        self.process = subprocess.Popen([npyo, "view", folder], stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def browser(programs, folder):
    chromium, driver = programs
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.add_argument("--user-data-dir=" + os.path.join(folder, ".chromium"))
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    started.set_page_load_timeout(60)
    return started


class Page:
    """The page in the browser."""

    def __init__(self, driver, address):
        self.driver = driver
        self.address = address
        driver.set_window_size(*DESKTOP)
        driver.get(address)
        self.wait("return document.querySelectorAll('#files option').length > 5")
        self.names = self.run("return [...document.querySelectorAll('#files option')].map((o) => o.textContent)")

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def wait(self, script, *arguments):
        """Waits until a script returns something that is true, and returns it."""
        return WebDriverWait(self.driver, 30, 0.02).until(lambda _: self.run(script, *arguments), script)

    def open(self, name, rest=""):
        """Opens a file, and waits until its elements are found."""
        number = next(number for number, shown in enumerate(self.names) if re.search(r"[/\\]%s$" % re.escape(name), shown))
        self.driver.get("about:blank")
        self.driver.get("%s#file=%d%s" % (self.address, number, rest))
        self.wait("return /element/.test(document.querySelector('#progress')?.textContent)"
                  " && !/looking/.test(document.querySelector('#progress').textContent)")

    def rows(self):
        """Returns the texts of the rows in sight."""
        return self.wait(
            "const rows = [...document.querySelectorAll('.row:not([hidden])')];"
            "return rows.length && rows.every((row) => row.querySelector('.kind').textContent !== '…')"
            " && rows.map((row) => [...row.children].map((cell) => cell.textContent))"
        )

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0])?.textContent ?? ''", selector)

    def click(self, selector, text=None):
        self.wait(
            "const all = [...document.querySelectorAll(arguments[0])];"
            "const found = all.find((node) => !arguments[1] || node.textContent.includes(arguments[1]));"
            "found?.click(); return Boolean(found)",
            selector,
            text,
        )

    def tab(self, name):
        self.click("[role=tab]", name)
        self.wait("return !document.querySelector('.panel [aria-busy]')")


def check(condition, message):
    if not condition:
        raise AssertionError(message)


# The checks.


def test_page_opens_with_all_files(page):
    names = {os.path.basename(name) for name in page.names}
    check({"million.npy", "nested.npy", "both.npz:first", "both.npz:second", "deeper.pkl"} <= names, names)


def test_page_loads_nothing_from_elsewhere(page):
    page.open("nested.npy")
    names = page.run("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    check(names and all(name.startswith(page.address) for name in names), names)


def test_list_of_a_million_scrolls_to_any_element(page):
    page.open("million.npy")
    check("1\u202f000\u202f000" in page.text("#progress"), page.text("#progress"))
    page.rows()
    page.run(
        "window.added = 0;"
        "new MutationObserver((all) => all.forEach(({ addedNodes }) => addedNodes.forEach((node) => {"
        "  window.added += node.nodeType === 1 ? 1 + node.querySelectorAll('*').length : 0; })))"
        ".observe(document.querySelector('#elements'), { childList: true, subtree: true });"
    )
    times = []
    for target in [900_000, 123_456, 500_000, 999_999, 0, 600_000]:
        page.run("performance.clearResourceTimings(); window.added = 0;")
        milliseconds = page.driver.execute_async_script(
            """
            const [target, done] = [arguments[0], arguments[1]];
            const scroller = document.querySelector(".scroller");
            const begun = performance.now();
            const shown = scroller.clientHeight / 30;
            const room = scroller.scrollHeight - scroller.clientHeight;
            scroller.scrollTop = (target / (1_000_000 - shown)) * room;
            const look = () => {
              const rows = [...document.querySelectorAll(".row:not([hidden])")];
              const near = rows.some((row) => Math.abs(row.ariaPosInSet - 1 - target) < 40);
              const here = rows.every((row) => row.querySelector(".kind").textContent === "str");
              if (near && here) done(performance.now() - begun);
              else requestAnimationFrame(look);
            };
            requestAnimationFrame(look);
            """,
            target,
        )
        times.append(milliseconds)
        for index, _, kind, preview, _ in page.rows():
            number = int(index.replace("\u202f", ""))
            check((kind, preview) == ("str", '"name %d"' % number), (index, kind, preview))
        fetched, rows, added = page.run(
            "return [performance.getEntriesByType('resource').reduce((sum, entry) => sum + entry.encodedBodySize, 0),"
            " document.querySelectorAll('.row').length, window.added]"
        )
        check(0 <= fetched <= MOST_BYTES, "%d bytes were fetched" % fetched)
        check(rows <= MOST_ROWS and added <= MOST_ROWS, "%d rows, %d were added" % (rows, added))
        time.sleep(0.2)
    # A small step of the scroll bar moves the rows by as many pixels, though it is a part of a row of the whole list.
    first = page.rows()[0][0]
    page.run("document.querySelector('.scroller').scrollTop += 300")
    page.wait("return document.querySelector('.row .index').textContent !== arguments[0]", first)
    steps = [int(text.replace("\u202f", "")) for text in (first, page.rows()[0][0])]
    check(steps[1] - steps[0] == 10, steps)
    return "element 900,000 after %.0f ms, the slowest step %.0f ms" % (times[0], max(times))


def test_number_and_keys_go_to_an_element(page):
    page.open("million.npy")
    field = page.driver.find_element(By.CSS_SELECTOR, "#find [name=goto]")
    field.send_keys("900000", Keys.ENTER)
    page.wait("return document.querySelector('.text')?.textContent === 'name 900000'")
    page.driver.find_element(By.CSS_SELECTOR, ".scroller").send_keys(Keys.ARROW_DOWN)
    page.wait("return document.querySelector('.text')?.textContent === 'name 900001'")
    page.driver.find_element(By.CSS_SELECTOR, ".scroller").send_keys(Keys.END)
    page.wait("return document.querySelector('.text')?.textContent === 'name 999999'")
    chosen = page.run("return document.querySelector('.row[aria-selected=true] .preview').textContent")
    check(chosen == '"name 999999"', chosen)


def test_search_finds_a_text_and_a_kind(page):
    page.open("million.npy")
    page.driver.find_element(By.CSS_SELECTOR, "#find [name=text]").send_keys("NAME 77777", Keys.ENTER)
    page.wait("return document.querySelector('.text')?.textContent === 'name 77777'")
    page.driver.find_element(By.CSS_SELECTOR, "#find [name=text]").send_keys(Keys.ENTER)
    page.wait("return document.querySelector('.text')?.textContent === 'name 777770'")
    page.open("both.npz:second")
    page.run("document.querySelector('#find [name=kind]').value = 'None'")
    page.click("#find button")
    page.wait("return document.querySelector('.text')?.textContent === 'null'")


def test_ragged_arrays_are_plotted(page):
    page.open("ragged.npy", "&index=1&tab=line")
    points = page.wait("return document.querySelector('.plot .line')?.getAttribute('d').split(/[ML]/).length - 1")
    check(points == 510, points)
    page.tab("Histogram")
    check(page.wait("return document.querySelectorAll('.plot .column').length") == 48, "48 bars")


def test_large_array_is_sent_in_parts(page):
    page.open("large.npy")
    page.run("performance.clearResourceTimings()")
    page.click(".row")
    page.wait("return document.querySelector('.plot .band')")
    sizes = page.run("return performance.getEntriesByType('resource').map((entry) => entry.encodedBodySize)")
    check(sum(sizes) < 100_000, sizes)
    whole = page.text(".panel .note")
    check("2\u202f000\u202f000 of 2\u202f000\u202f000" in whole, whole)
    page.click("[aria-label='Show less of the line']")
    page.wait("return document.querySelector('.panel .note').textContent.startsWith('1\u202f000\u202f000 of')")


def test_image_of_three_channels_is_shown(page):
    page.open("images.npy", "&index=0&tab=image")
    pixel = (
        "const canvas = document.querySelector('canvas.picture');"
        "return canvas && [canvas.width, canvas.height, ...canvas.getContext('2d').getImageData(%d, %d, 1, 1).data]"
    )
    check(page.wait(pixel % (0, 0)) == [60, 40, 255, 0, 0, 255], page.run(pixel % (0, 0)))
    check(page.run(pixel % (59, 20)) == [60, 40, 0, 0, 127, 255], page.run(pixel % (59, 20)))
    page.open("images.npy", "&index=1&tab=image")
    check(page.wait(pixel % (0, 0))[2:5] == [253, 231, 37], page.run(pixel % (0, 0)))
    page.open("images.npy", "&index=2&tab=image")
    before = page.wait(pixel % (3, 3))
    page.run("const slider = document.querySelector('.slider input'); slider.value = 3; slider.dispatchEvent(new Event('input'))")
    page.wait("return JSON.stringify((() => {%s})()) !== arguments[0]" % (pixel % (3, 3)), json.dumps(before).replace(" ", ""))


def test_whole_array_without_objects_is_one_picture(page):
    page.open("plain.npy")
    page.click("#file button", "as one array")
    check(page.wait("return document.querySelector('canvas.picture')?.width") == 30, "30 columns")


def test_nested_dict_is_walked(page):
    page.open("nested.npy", "&index=0&tab=tree")
    for label in ('"inner"', '"list"', "[2]"):
        page.click(".tree .label", label)
    page.wait("return [...document.querySelectorAll('.tree .node')].some((node) => /answer.*42/.test(node.textContent))")
    page.click(".tree .label", '"weights"')
    page.wait("return document.querySelector('.plot .line')")
    check("weights" in page.text("#element h2"), page.text("#element h2"))
    # The same dict as a list of its own, and back.
    page.click(".title .link")
    page.click(".title button", "Open as a list")
    page.wait("return document.querySelector('#way')?.textContent.includes(\"['level']\")")
    check(page.rows()[0][1] == '"inner"', page.rows())
    page.driver.back()
    page.wait("return document.querySelector('#way').textContent === ''")


def test_tree_is_walked_by_keys(page):
    page.open("nested.npy", "&index=0&tab=tree")
    page.wait("return document.querySelector('.tree [role=treeitem]')")
    page.run("document.querySelector('.tree [role=treeitem]').focus()")
    def press(key):
        page.driver.switch_to.active_element.send_keys(key)
    press(Keys.ARROW_RIGHT)
    page.wait("return document.querySelectorAll('.tree ul [role=treeitem]').length === 2")
    press(Keys.ARROW_RIGHT)
    check("list" in page.run("return document.activeElement.textContent"), "the first member has the focus")
    press(Keys.ARROW_LEFT)
    press(Keys.ARROW_LEFT)
    check(page.run("return document.activeElement.getAttribute('aria-expanded')") == "false", "it is closed")


def test_instructions_are_beside_their_clauses(page):
    page.open("ragged.npy", "&index=0&tab=bytes")
    page.wait("return document.querySelectorAll('.instructions tbody tr').length > 5")
    page.click(".instructions tbody tr", "REDUCE")
    page.wait("return document.querySelector('.clauses').textContent.includes('pickle.call')")


def test_audit_and_statistics_are_shown(page):
    page.open("hostile.npy")
    page.wait("return document.querySelector('#verdict').textContent === 'dangerous'")
    page.click("#verdict")
    page.wait("return document.querySelector('.issues')?.textContent.includes('system')")
    page.open("records.npy")
    page.click("summary", "Statistics")
    page.wait("return [...document.querySelectorAll('.counts td')].some((cell) => cell.textContent === 'dict')")
    page.wait("return /3000 × dict|dict of 3[^]*scores[^]*list/.test(document.querySelector('.schema')?.textContent)")


def test_hostile_file_is_shown_and_does_nothing(page):
    page.open("hostile.npy")
    rows = page.rows()
    check("system" in rows[1][2], rows)
    page.open("markup.npy", "&index=1&tab=tree")
    page.wait("return document.querySelector('.tree')?.textContent.includes('onerror')")
    check(page.run("return document.querySelectorAll('img, main script').length") == 0, "markup became elements")
    check(page.driver.title == "npyo view", page.driver.title)
    page.open("deeper.pkl", "&index=0&tab=tree")
    page.click(".tree .label")
    page.wait("return document.querySelectorAll('.tree ul .node').length === 1")


def test_truncated_file_shows_what_is_there(page):
    page.open("truncated.npy")
    check("2\u202f000 of 3\u202f000" in page.text("#progress"), page.text("#progress"))
    check("pickle.truncated" in page.text("#progress"), page.text("#progress"))
    check(page.rows()[0][2] == "dict of 3", page.rows()[0])


def test_wrong_token_host_and_origin_are_refused(page):
    host, token = re.fullmatch(r"http://([^/]+)/([0-9a-f]{32})/", page.address).groups()

    def status(path, **headers):
        request = urllib.request.Request("http://%s/%s" % (host, path), headers=headers)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.headers
        except urllib.error.HTTPError as error:
            return error.code, error.headers

    good, headers = status(token + "/api/files")
    check(good == 200, good)
    check("default-src 'none'" in headers["Content-Security-Policy"], headers)
    check(headers["Access-Control-Allow-Origin"] is None, headers)
    for path, sent in [
        ("", {}),
        ("api/files", {}),
        ("0" * 32 + "/api/files", {}),
        (token + "/api/files", {"Host": "evil.example"}),
        (token + "/api/files", {"Host": "evil.example:" + host.split(":")[1]}),
        (token + "/api/files", {"Origin": "http://evil.example"}),
        (token + "/api/files", {"Sec-Fetch-Site": "cross-site"}),
    ]:
        found, _ = status(path, **sent)
        check(found == 403, (path, sent, found))
    request = urllib.request.Request("http://%s/%s/api/files" % (host, token), data=b"x")
    try:
        urllib.request.urlopen(request)
        check(False, "POST was answered")
    except urllib.error.HTTPError as error:
        check(error.code == 405, error.code)


def test_narrow_page_does_not_overflow(page):
    page.driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": PHONE[0], "height": PHONE[1], "deviceScaleFactor": 2, "mobile": True},
    )
    try:
        for name, rest in [("records.npy", "&index=3"), ("ragged.npy", "&index=1&tab=bytes"), ("markup.npy", "&index=1")]:
            page.open(name, rest)
            page.wait("return document.querySelector('[role=tab]')")
            for pane in ("file", "list", "element"):
                page.click("[data-pane=%s]" % pane)
                width = page.run("return document.documentElement.scrollWidth")
                check(width <= PHONE[0], (name, pane, width))
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_console_has_no_errors(page):
    # The answers of a refused request are errors of the network, and those of this test are not in the page.
    errors = [entry["message"] for entry in page.driver.get_log("browser") if entry["level"] == "SEVERE"]
    check(not errors, errors)


# Pictures for people.


def take_shots(page, folder):
    """Writes pictures of the page, light and dark, of the size of a desktop and of a phone."""
    os.makedirs(folder, exist_ok=True)
    views = [
        ("line", "large.npy", "&index=0"),
        ("ragged", "ragged.npy", "&index=3"),
        ("colours", "images.npy", "&index=0"),
        ("heat", "images.npy", "&index=2"),
        ("nested", "nested.npy", "&index=0&tab=tree"),
        ("bytes", "ragged.npy", "&index=0&tab=bytes"),
        ("records", "records.npy", "&index=4"),
        ("hostile", "hostile.npy", "&index=1"),
        ("truncated", "truncated.npy", "&index=7"),
        ("million", "million.npy", "&index=900000"),
    ]
    for size, (width, height) in (("desktop", DESKTOP), ("phone", PHONE)):
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == "phone"}
        page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        for colours in ("light", "dark"):
            feature = {"features": [{"name": "prefers-color-scheme", "value": colours}]}
            page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
            for name, file, rest in views:
                page.open(file, rest)
                if name in ("hostile", "records", "nested"):
                    for title in ("Audit", "Statistics"):
                        page.run(
                            "for (const node of document.querySelectorAll('summary'))"
                            " if (node.textContent === arguments[0]) node.click()",
                            title,
                        )
                if name == "nested":
                    page.click(".tree .label", '"inner"')
                if name == "bytes":
                    page.click(".instructions tbody tr", "REDUCE")
                time.sleep(0.8)
                panes = ("file", "list", "element") if size == "phone" else ("",)
                for pane in panes:
                    if pane:
                        page.click("[data-pane=%s]" % pane)
                        time.sleep(0.1)
                    path = "-".join(part for part in (size, colours, name, pane) if part)
                    page.driver.save_screenshot(os.path.join(folder, path + ".png"))


if __name__ == "__main__":
    sys.exit(main())
