;;; A service as the init knows it: its declaration, its environment, its commands, its messages.

(use-modules (srfi srfi-1)
             (srfi srfi-71)
             (ice-9 match))

;; A record type would be syntax, which other files that are compiled apart do not see: a table with procedures.
(define (getter name)
  (lambda (running) (hashq-ref running name #f)))
(define (setter name)
  (lambda (running value) (hashq-set! running name value)))

(define (make-running shell name data)
  (let ((running (make-hash-table)))
    (for-each (lambda (key value) (hashq-set! running key value))
              '(shell name data deaths) (list shell name data 0))
    running))

(define running-shell (getter 'shell))
(define running-name (getter 'name))
(define running-data (getter 'data))
(define running-variables (getter 'variables))
(define set-running-variables! (setter 'variables))
(define running-main (getter 'main)) ;process ID, or #f
(define set-running-main! (setter 'main))
(define running-status (getter 'status)) ;of the main process once it has ended, or #f
(define set-running-status! (setter 'status))
(define running-session (getter 'session))
(define set-running-session! (setter 'session))
(define running-since (getter 'since))
(define set-running-since! (setter 'since))
(define running-messages (getter 'messages)) ;the socket of sd_notify, or #f
(define set-running-messages! (setter 'messages))
(define running-ready? (getter 'ready)) ;whether it has sent READY=1
(define set-running-ready! (setter 'ready))
(define running-word (getter 'word)) ;what it last sent as STATUS, or #f
(define set-running-word! (setter 'word))
(define running-sign (getter 'sign)) ;when it last showed that it is alive (WATCHDOG=1)
(define set-running-sign! (setter 'sign))
(define running-listeners (getter 'listeners)) ;sockets that it finds open, or #f
(define set-running-listeners! (setter 'listeners))
(define running-log-start (getter 'log-start)) ;bytes of its log when it was started
(define set-running-log-start! (setter 'log-start))
(define running-mark (getter 'mark)) ;what its processes have in their environment since it was started
(define set-running-mark! (setter 'mark))
(define running-deaths (getter 'deaths)) ;in a row, each soon after a start
(define set-running-deaths! (setter 'deaths))

(define (option running name default)
  (field1 (running-data running) name default))

(define (options running name)
  (field (running-data running) name '()))

(define (start-followers running which)
  ;; Start what the service's unit names for its failure ('on-failure) or its success ('on-success).
  (unless (shutting-down?)
    (for-each (lambda (name)
                (define service (lookup-service name))
                (report "Service ~a ~a; ~a ~a." (running-name running)
                        (if (eq? which 'on-failure) "has failed" "has ended well")
                        (if service "starting" "the image has no unit") name)
                (when service
                  (spawn-fiber (lambda () (start-service service)))))
              (options running which))))

(define (where-it-wrote running)
  (what-it-wrote (option running 'log "console") (or (running-log-start running) 0)))

(define new-mark
  (let ((state (random-state-from-platform)))
    (lambda () (string-pad (number->string (random (expt 2 128) state) 16) 32 #\0))))

(define (service-variables running)
  ;; The environment of a service's processes, or #f.
  (define data (running-data running))
  (define files (file-variables (running-name running) (field data 'environment-files '())))
  (and files
       (let ((own (append (list (string-append "INVOCATION_ID=" (running-mark running)))
                          files
                          (map (lambda (variable) (replace-variables variable '())) (field data 'late-environment '()))
                          (field data 'environment '())
                          (directory-variables data)
                          (listener-variables data)
                          (match (notify-path running)
                            (#f '())
                            (path (list (string-append "NOTIFY_SOCKET=" path))))
                          (match (field1 data 'watchdog #f)
                            (#f '())
                            (seconds (list (format #f "WATCHDOG_USEC=~a" (inexact->exact (round (* seconds 1e6)))))))))
             (unset (field data 'unset '())))
         (remove (lambda (variable)
                   (or (member (variable-name variable) unset) (member variable unset)))
                 (merge-variables own (default-environment-variables))))))

(define (main-variables running)
  ;; For commands that are about the main process.
  (let ((main (running-main running)))
    (merge-variables (if main (list (format #f "MAINPID=~a" main)) '()) (or (running-variables running) '()))))

(define (run-command running command variables seconds)
  ;; Whether a command of the service succeeded, or may fail; SECONDS is #f where it may take for ever.
  (match command
    ((flags . words)
     (let* ((data (if (memq 'root flags) (as-root (running-data running)) (running-data running)))
            (words (if (memq 'variables flags)
                       (cons (car words) (replace-words (cdr words) variables))
                       words))
            (deadline (and seconds (+ (now) seconds)))
            (pid status (launch (running-shell running) (running-name running) words data variables))
            (end (await-end pid status (lambda ()
                                         (or (and deadline (> (now) deadline))
                                             (and (not (memq 'ending flags)) (shutting-down?)))))))
       (cond ((eqv? end 0) #t)
             ((memq 'may-fail flags) #t)
             ((eqv? end #f)
              (unless (shutting-down?)
                (report "Service ~a: `~a` did not end in ~a s." (running-name running) (string-join words)
                        (shown (or seconds 0))))
              #f)
             ((memq 'quiet flags) #f)
             (else
              (report "Service ~a: `~a` ~a.~a" (running-name running) (string-join words) (describe-end end)
                      (where-it-wrote running))
              #f))))))

(define (run-commands running name variables seconds)
  (every (lambda (command) (run-command running command variables seconds)) (options running name)))


;;; Messages of its own (sd_notify), and silence.

(define (notify-path running)
  (and (or (option running 'notify #f) (option running 'watchdog #f))
       (string-append (state-directory) "/notify/" (symbol->string (running-name running)))))

(define (listen-to-messages running)
  (match (notify-path running)
    (#f #f)
    (path
     (let ((port (datagram-socket path #o666)))
       (close-messages running)
       (set-running-messages! running port)
       (receive-messages port
                         (lambda (text)
                           (and=> (notification text "STATUS") (lambda (word) (set-running-word! running word)))
                           (match (and=> (notification text "MAINPID") string->number)
                             ((? integer? pid)
                              (when (and (> pid 1) (alive? pid)) (adopt running pid)))
                             (_ #f))
                           (when (equal? (notification text "READY") "1") (set-running-ready! running #t))
                           (match (and=> (notification text "EXTEND_TIMEOUT_USEC") string->number)
                             ((? number? more) (set-running-sign! running (+ (now) (/ more 1e6))))
                             (_ #f))
                           (when (equal? (notification text "WATCHDOG") "1")
                             (set-running-sign! running (now)))))))))

(define (close-messages running)
  (let ((port (running-messages running)))
    (when port
      (set-running-messages! running #f)
      (false-if-exception (close-port port))
      (false-if-exception (delete-file (notify-path running))))))

(define (watch running)
  ;; End a service that has stopped saying that it is alive.
  (match (option running 'watchdog #f)
    (#f #f)
    (seconds
     (let ((pid (running-main running)))
       (set-running-sign! running (now))
       (spawn-fiber
        (lambda ()
          (let loop ()
            (sleep (/ seconds 2))
            (when (and (eqv? pid (running-main running)) (not (running-status running)))
              (if (> (- (now) (running-sign running)) seconds)
                  (begin
                    (report "Service ~a (process ~a) has not shown for ~a s that it is alive; ending it."
                            (running-name running) pid (shown seconds))
                    (false-if-exception (kill pid SIGABRT)))
                  (loop))))))))))
