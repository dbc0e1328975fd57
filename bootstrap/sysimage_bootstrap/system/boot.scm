;;; What runs between the boot program and the Shepherd: activation, then the Shepherd in this very process.
;;;
;;; This file is the same in every system; a call of 'boot' with quoted data follows it.

(define (writable-runtime-directory)
  ;; Where a user other than root may have the Shepherd's socket.
  (let ((directory (or (getenv "XDG_RUNTIME_DIR") (format #f "/tmp/run-~a" (getuid)))))
    (false-if-exception (mkdir directory #o700))
    directory))

(define (log-options)
  ;; The Shepherd's own messages go where the output of services goes. A socket cannot be opened by its name in /proc;
  ;; the Shepherd then prints them, and those that answer a 'herd' command reach only the one who gave it.
  (let ((console "/proc/self/fd/1"))
    (if (false-if-exception (begin (close-port (open-file console "a")) #t))
        (list "--silent" (string-append "--logfile=" console))
        (list "--logfile=/dev/null"))))

(define (boot system shepherd environment)
  (for-each (lambda (variable)
              (let ((equals (string-index variable #\=)))
                (unless (getenv (substring variable 0 equals))
                  (putenv variable))))
            environment)
  (primitive-load (string-append system "/activate"))
  (unsetenv "GUIX_NEW_SYSTEM")
  (unless (zero? (getuid))
    (setenv "XDG_RUNTIME_DIR" (writable-runtime-directory))
    (false-if-exception (mkdir (string-append (getenv "XDG_RUNTIME_DIR") "/shepherd") #o700)))
  (flush-all-ports)                     ;what was said so far would be lost otherwise
  (apply execl shepherd "shepherd"
         (string-append "--config=" system "/shepherd.conf")
         (log-options)))
