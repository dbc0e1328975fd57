"""The programs that turn Guile into the Shepherd, run by this machine's Guile without a Shepherd."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sysimage.process import find, run
from sysimage_bootstrap.system.init_programs import BOOT, guile_programs

pytestmark = pytest.mark.programs
Answers = Callable[[str], list[str]]


@pytest.fixture
def answers(tmp_path: Path) -> Answers:
    """What a Scheme program prints that the programs of the boot were loaded before, line by line."""
    program = tmp_path / "program.scm"

    def ask(text: str) -> list[str]:
        loaded = guile_programs()[BOOT].decode()
        program.write_text(f"{loaded}\n(define (say . all) (for-each write all) (newline))\n{text}", encoding="utf-8")
        guile = find("guile", package="guile-3.0")
        return run([guile, "--no-auto-compile", program]).stdout.decode().splitlines()

    return ask


def test_the_shepherd_looks_only_at_the_descriptors_that_are_open(answers: Answers) -> None:
    """An engine may allow a thousand million of them, and the Shepherd asks for each."""
    assert answers("""
(define-module (shepherd system) #:export (max-file-descriptors))
(define (max-file-descriptors) 1000000000)
(define-module (shepherd) #:use-module (shepherd system) #:export (main))
(define (main) (list (max-file-descriptors) (max-file-descriptors)))
(set-current-module (resolve-module '(guile-user)))
(define ports (map (lambda _ (open-input-file "/dev/null")) (iota 20)))
(define highest (apply max (map fileno ports)))
(spare-unused-descriptors)
(define found ((@ (shepherd) main)))
(say (< highest (car found) (+ 10 highest)))
(say (cadr found))
""") == ["#t", "1000000000"]


def test_modules_that_the_shepherd_needs_in_part_are_whole_for_others(answers: Answers) -> None:
    assert answers("""
(define (loaded? name) (->bool (false-if-exception (module-public-interface (resolve-module name #f #:ensure #f)))))
(for-each (lambda (entry) (apply stand-in-doing-nothing entry)) unwanted)
(for-each (lambda (entry) (apply stand-in-for-part entry)) wanted-in-part)
(define part (resolve-interface '(rnrs io ports) #:select '(get-string-all)))
(say ((module-ref part 'get-string-all) (open-input-string "x")))
(say ((module-ref (resolve-interface '(language tree-il primitives)) 'add-interesting-primitive!) 'any))
(say (loaded? '(rnrs base)) (loaded? '(language tree-il)))
(say (procedure? (module-ref (resolve-interface '(rnrs io ports) #:select '(native-transcoder)) 'native-transcoder)))
(say (loaded? '(rnrs base)))
(for-each (lambda (entry) (forget-module (car entry))) unwanted)
(say (procedure? (module-ref (resolve-interface '(language tree-il primitives)) 'expand-primitives)))
""") == ['"x"', "#t", "#f#f", "#t", "#t", "#t"]


def test_signals_are_ignored_and_reset_without_a_thread(answers: Answers) -> None:
    """A process that forks has no use for Guile's thread that calls handlers."""
    assert answers("""
(use-modules (ice-9 rdelim))
(define (status name)
  (call-with-input-file "/proc/self/status"
    (lambda (port)
      (let loop ((line (read-line port)))
        (if (string-prefix? name line) (string-drop line (string-length name)) (loop (read-line port)))))))
(define (ignored?) (logbit? (- SIGPIPE 1) (string->number (string-trim-both (status "SigIgn:")) 16)))
(define threads (status "Threads:"))
(handle-signals-without-a-thread)
(sigaction SIGPIPE SIG_DFL)
(say (ignored?))
(say (sigaction SIGPIPE SIG_IGN))
(say (ignored?) (equal? threads (status "Threads:")))
(define called #f)
(sigaction SIGUSR1 (lambda (number) (set! called number)))
(kill (getpid) SIGUSR1)
(let loop () (unless called (usleep 1000) (loop)))
(say (= called SIGUSR1) (equal? threads (status "Threads:")))
""") == ["#f", "(0 . 0)", "#t#t", "#t#f"]
