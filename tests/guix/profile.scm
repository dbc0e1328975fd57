;;; Prints the derivation of the profile that `guix shell` makes of packages.
;;; usage: guix repl -- profile.scm PACKAGE…
(use-modules (gnu packages) (guix derivations) (guix grafts) (guix monads) (guix profiles) (guix store))

(parameterize ((%graft? #f))
  (with-store store
    (let ((manifest (specifications->manifest (cdr (command-line)))))
      (format #t "~a~%" (derivation-file-name (run-with-store store (profile-derivation manifest #:locales? #t)))))))
