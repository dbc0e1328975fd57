;;; Makes of an image's root what a running system needs. Everything is tolerant: a read-only root, an empty /run, a user
;;; who is not root are ordinary in a container; what cannot be done is said once and the boot goes on.
;;;
;;; This file is the same in every system; SYSTEM/activate calls 'activate' with quoted data.

(use-modules (ice-9 match))

(define (complain text . arguments)
  (apply format (current-error-port) (string-append "activation: " text "\n") arguments))

(define-syntax-rule (attempt what exp ...)
  ;; The value of the expressions; false after saying what failed and why.
  (catch 'system-error
    (lambda () exp ... #t)
    (lambda args
      (complain "cannot ~a: ~a" what (strerror (system-error-errno args)))
      #f)))

(define (point-to target link)
  ;; LINK is never absent: a new one takes its place.
  (unless (equal? (false-if-exception (readlink link)) target)
    (attempt (string-append "make " link)
             (let ((new (string-append link ".new")))
               (false-if-exception (delete-file new))
               (symlink target new)
               (rename-file new link)))))

(define (make-directory path mode uid gid)
  (unless (file-exists? path)
    (when (attempt (string-append "make " path) (mkdir path))
      (attempt (string-append "give " path " to its owner")
               (unless (= 0 uid gid) (chown path uid gid))
               (chmod path mode)))))

(define (remove-stale-files)
  ;; What a killed container left: a process ID in a file means nothing after a restart.
  (define (stale? name)
    (string-suffix? ".pid" name))
  (define (sweep directory deeper?)
    (for-each (lambda (name)
                (let* ((file (string-append directory "/" name))
                       (kind (and=> (false-if-exception (lstat file)) stat:type)))
                  (cond ((and (eq? kind 'regular) (stale? name))
                         (false-if-exception (delete-file file)))
                        ((and (eq? kind 'directory) deeper?)
                         (sweep file #f)))))
              (entries directory)))
  (sweep "/run" #t))

(define (run-once creates command)
  ;; What only a program of the image can make, and no image holds: an index of a database library, a key.
  (unless (file-exists? creates)
    ;; 'system*' would leave a thread behind.
    (unless (eqv? 0 (false-if-exception (cdr (waitpid (spawn (car command) command)))))
      (complain "cannot make ~a: ~a failed" creates (car command)))))

(define (own-machine?)
  ;; Whether this is a machine of its own and not a container: the kernel gives the first PID namespace this number.
  (equal? (false-if-exception (readlink "/proc/self/ns/pid")) "pid:[4026531836]"))

(define (activate system data)
  (define (all name) (match (assq name data) ((_ . rest) rest) (#f '())))
  (point-to system "/run/current-system")
  (when (zero? (getuid))
    (point-to system "/run/booted-system"))
  (if (zero? (getuid))
      (begin
        (remove-stale-files)
        (for-each (match-lambda ((path mode uid gid) (make-directory path mode uid gid)))
                  (all 'directories))
        (for-each (match-lambda ((creates . command) (run-once creates command)))
                  (all 'first-starts))
        (when (and (own-machine?) (pair? (all 'host-name)))
          (attempt "set the host name" (sethostname (car (all 'host-name))))))
      (complain "user ~a is not root: every service runs as this user, whatever it declares" (getuid))))
