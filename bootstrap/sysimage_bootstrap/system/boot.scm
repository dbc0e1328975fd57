;;; What runs between the boot program and the services: activation, then the Shepherd in this very process. A second Guile
;;; would take as long to start as the first.
;;;
;;; This file is the same in every system; a call of 'boot' with quoted data follows it.

(use-modules (ice-9 match)
             (system foreign))

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

;;; Modules that the Shepherd's libraries import for one procedure, or for commands of a prompt that nobody has. They would
;;; bring Guile's compiler, its debugger and all of R6RS with them, which are more than the Shepherd. Stand-ins take their
;;; places while it is loaded; who asks for more later gets the real ones.

(define unwanted
  ;; Each with its procedures that are called while the Shepherd is loaded, and need do nothing.
  '(((fibers repl))
    ((language tree-il primitives) add-interesting-primitive!)))

(define wanted-in-part
  ;; Each with the modules that have what is used of it.
  '(((rnrs io ports) (ice-9 textual-ports) (ice-9 binary-ports))))

(define (put-in-place name interface)
  (set-module-public-interface! (resolve-module name #f #:ensure #t) interface))

(define (forget-module name)
  (let ((path (reverse name)))
    (hashq-remove! (module-submodules (resolve-module (reverse (cdr path)) #f #:ensure #t)) (car path))))

(define (add-variables interface name)
  (module-for-each (lambda (symbol variable) (module-add! interface symbol variable)) (resolve-interface name)))

(define (stand-in-doing-nothing name . procedures)
  (let ((interface (make-module)))
    (for-each (lambda (procedure) (module-define! interface procedure (const #t))) procedures)
    (put-in-place name interface)))

(define (stand-in-for-part name . sources)
  ;; It becomes the real one when it is asked for what it does not have.
  (let ((interface (make-module)))
    (for-each (lambda (source) (add-variables interface source)) sources)
    (set-module-binder! interface
                        (lambda (module symbol define?)
                          (set-module-binder! interface #f)
                          (forget-module name)
                          (add-variables interface name)
                          (module-local-variable interface symbol)))
    (put-in-place name interface)))

(define (load-shepherd)
  ;; The Shepherd's 'main'.
  (for-each (lambda (entry) (apply stand-in-doing-nothing entry)) unwanted)
  (for-each (lambda (entry) (apply stand-in-for-part entry)) wanted-in-part)
  (let ((main (module-ref (resolve-interface '(shepherd)) 'main)))
    (for-each (lambda (entry) (forget-module (car entry))) unwanted)
    main))

(define (highest-descriptor)
  (apply max (map (lambda (name) (or (string->number name) 0)) (entries "/proc/self/fd"))))

(define (spare-unused-descriptors)
  ;; When it starts, the Shepherd marks every descriptor that it may have as one that services do not inherit. An engine
  ;; may allow a thousand million of them: let it look at those that are open.
  (let* ((module (resolve-module '(shepherd system)))
         (allowed (module-ref module 'max-file-descriptors)))
    (module-set! module 'max-file-descriptors
                 (lambda ()
                   (module-set! module 'max-file-descriptors allowed)
                   (or (false-if-exception (+ 1 (highest-descriptor))) (allowed))))))

(define (handle-signals-without-a-thread)
  ;; Guile's 'sigaction' starts a thread that calls handlers, also where a signal is only ignored or gets its default again.
  ;; The Shepherd does both: in process 1, and in each process between fork and exec. Guile 3.0.10 stops that thread before a
  ;; fork; where the thread had hardly begun, the new process found it half stopped and aborted.
  (define signal (pointer->procedure '* (dynamic-func "signal" (dynamic-link)) (list int '*)))
  (define with-a-thread sigaction)
  (define (without-one number handler)
    (let ((before (pointer-address (signal number (make-pointer handler)))))
      (cons (and (memv before (list SIG_DFL SIG_IGN)) before) 0)))
  (set! sigaction
        (match-lambda*
          ((number (and handler (or 0 1)) . more) (without-one number handler)) ;SIG_DFL, SIG_IGN
          (arguments (apply with-a-thread arguments)))))

(define (boot system environment)
  ;; The arguments of this program are variables that the boot program has set for Guile alone.
  (for-each unsetenv (cdr (command-line)))
  (for-each (lambda (variable)
              (let ((equals (string-index variable #\=)))
                (unless (getenv (substring variable 0 equals))
                  (putenv variable))))
            environment)
  ;; A machine's kernel gives none of them: Guile has started in the plainest locale.
  (false-if-exception (setlocale LC_ALL ""))
  (primitive-load (string-append system "/activate"))
  (unsetenv "GUIX_NEW_SYSTEM")
  (unless (zero? (getuid))
    (setenv "XDG_RUNTIME_DIR" (writable-runtime-directory))
    (false-if-exception (mkdir (string-append (getenv "XDG_RUNTIME_DIR") "/shepherd") #o700)))
  (flush-all-ports)
  ;; Its name in lists of processes.
  (false-if-exception (call-with-output-file "/proc/self/comm" (lambda (port) (display "shepherd" port))))
  (let ((arguments (cons (string-append "--config=" system "/shepherd.conf") (log-options))))
    (set-program-arguments (cons "shepherd" arguments))
    (let ((main (load-shepherd)))
      (spare-unused-descriptors)
      (handle-signals-without-a-thread)
      (apply main arguments))))
