;;; How a service ends, because it was asked to or by itself, and what follows.

(use-modules (srfi srfi-1)
             (srfi srfi-71)
             (ice-9 match))

(define (end-process running pid)
  ;; Ask the main process to end, and whoever belongs to it as its kill mode says; returns once it has.
  (define signal (option running 'stop-signal SIGTERM))
  (define mode (option running 'kill-mode 'group))
  (define session (or (process-session pid) (running-session running)))
  (define all? (memq mode '(group)))
  (define status (await-process pid))
  (unless (eq? mode 'none)
    (if (and all? session (> session 1) (not (eqv? session (process-session (getpid)))))
        (kill-all (members (list session)) signal)
        (false-if-exception (kill pid signal)))
    (when (option running 'send-hangup #f)
      (false-if-exception (kill pid SIGHUP)))
    (when (eq? 'running (get-message* status (option running 'stop-timeout 5) 'running))
      (report "Service ~a (process ~a) did not end in ~a s; killing it." (running-name running) pid
              (shown (option running 'stop-timeout 5)))
      (kill-all (if session (members (list session)) (list pid)) SIGKILL)
      (get-message* status 5 'running))
    (unless (eq? mode 'process)
      (end-sessions (list session)))))

(define (stop-service-unit running)
  (let ((main (running-main running)))
    (run-commands running 'stop (main-variables running) (option running 'stop-timeout 5))
    (set-running-main! running #f)      ;what ends now was asked to
    (when (and main (alive? main))
      (end-process running main))
    (finish running)
    (set-running-deaths! running 0)
    #f))


;;; By itself.

(define (clean-end? running status)
  (or (memv (status:exit-val status) (cons 0 (options running 'success-codes)))
      (memv (status:term-sig status)
            (append (list SIGHUP SIGINT SIGTERM SIGPIPE) (options running 'success-signals)))))

(define (restart? running status)
  (define clean? (clean-end? running status))
  (and (option running 'respawn #t)
       (or (option running 'lazy #f) (restart-wanted? running status clean?))))

(define (restart-wanted? running status clean?)
  (and (not (memv (status:exit-val status) (options running 'final-codes)))
       (match (option running 'restart 'always)
         ('always #t)
         ('no #f)
         ('on-success clean?)
         ('on-failure (not clean?))
         ('on-abnormal (and (status:term-sig status) (not clean?)))
         ('on-abort (and (status:term-sig status) (not clean?)))
         ('on-watchdog (eqv? (status:term-sig status) SIGABRT))
         (_ #f))))

(define settled 60)                     ;seconds after which a start counts as one that went well
(define longest-pause 60)

(define (pause-before-restart running)
  ;; Longer with each death that follows soon after a start.
  (let ((least (option running 'restart-delay 0.5)))
    (max least (min longest-pause (* (max least 0.5) (expt 2 (max 0 (- (running-deaths running) 2))))))))

(define (handle-end running)
  (lambda (service process status)
    (define pid (process-number process))
    (define lived (- (now) (or (running-since running) (now))))
    (set-running-main! running #f)
    (end-sessions (list (running-session running)))
    (finish running)
    (set-running-deaths! running (if (> lived settled) 1 (+ 1 (or (running-deaths running) 0))))
    (let* ((again? (and (restart? running status) (not (shutting-down?))))
           (limit (options running 'start-limit))
           (given-up? (match limit ((burst _) (>= (running-deaths running) burst)) (_ #f)))
           (pause (if (option running 'lazy #f) 0 (pause-before-restart running))))
      (report "Service ~a (process ~a) ~a after ~a s~a~a~a" (running-name running) pid (describe-end status) (shown lived)
              (match (running-deaths running)
                ((or 0 1) "")
                (deaths (format #f ", ~a times in a row" deaths)))
              (cond ((shutting-down?) ".")
                    (given-up? "; it is given up.")
                    ((not again?) "; it is not started again.")
                    (else (format #f "; starting it again in ~a s." (shown pause))))
              (where-it-wrote running))
      (cond ((and again? (not given-up?))
             (sleep pause)
             (unless (or (shutting-down?) (not (service-stopped? service)))
               (start-service service)))
            (else
             (start-followers running (if (clean-end? running status) 'on-success 'on-failure)))))))
