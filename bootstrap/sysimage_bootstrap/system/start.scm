;;; How a service starts: conditions, commands before it, the process, readiness, commands after it.

(use-modules (srfi srfi-1)
             (srfi srfi-71)
             (ice-9 match)
             (ice-9 rdelim))

(define (adopt running pid)
  ;; PID becomes the main process.
  (unless (eqv? pid (running-main running))
    (set-running-main! running pid)
    (set-running-status! running #f)
    (watch-end running pid (await-process pid))))

(define (watch-end running pid status)
  ;; Remember how the main process ends, and tell the Shepherd.
  (define service (current-service))
  (spawn-fiber
   (lambda ()
     (let ((end (get-message status)))
       (when (eqv? pid (running-main running))
         (set-running-status! running end)
         (when service
           (report-termination service pid end)))))))

(define (launch-main running)
  ;; Start the main process; what it becomes is found in RUNNING.
  (define variables (running-variables running))
  (match (options running 'start)
    (((flags . words) . _)
     (let* ((words (if (memq 'variables flags)
                       (cons (car words) (replace-words (cdr words) variables))
                       words))
            (data (if (memq 'root flags) (as-root (running-data running)) (running-data running)))
            (pid status (launch (running-shell running) (running-name running) words data variables
                                #:sockets (or (running-listeners running) '()))))
       (match (option running 'oom-score-adjust #f)
         (#f #f)
         (score (false-if-exception
                 (call-with-output-file (format #f "/proc/~a/oom_score_adj" pid) (lambda (port) (display score port))))))
       (set-running-status! running #f)
       (set-running-main! running pid)
       (set-running-session! running pid)
       (set-running-since! running (now))
       (values pid status)))))

(define (read-pid file)
  (let ((pid (false-if-exception (string->number (string-trim-both (call-with-input-file file read-line))))))
    (and (integer? pid) (> pid 1) (alive? pid) (process-session pid) pid)))

(define (forked-main running known sure?)
  ;; The main process of a service that went into the background: what its file says, or a new process below the init
  ;; that has the service's mark; without SURE? one whose environment cannot be read will do.
  (define mark (string-append "INVOCATION_ID=" (running-mark running)))
  (define (likely? pid)
    (and (not (memv pid known))
         (not (memv pid launched))
         (eqv? (parent-of pid) (getpid))
         (process-session pid)
         (match (false-if-exception (call-with-input-file (format #f "/proc/~a/environ" pid)
                                      (lambda (port) (read-delimited "" port)) #:encoding "ISO-8859-1"))
           ((? string? text) (or (string-contains text mark) (not sure?)))
           (_ (not sure?)))))
  (match (option running 'pid-file #f)
    (#f (match (filter likely? (process-numbers))
          (() #f)
          (pids (apply min pids))))
    (file (read-pid file))))

(define (parent-of pid)
  (false-if-exception
   (let ((text (call-with-input-file (format #f "/proc/~a/stat" pid) read-line)))
     (string->number (cadr (string-tokenize (substring text (+ 1 (string-rindex text #\))))))))))

(define (start-forking running seconds)
  ;; Whether the service is in the background.
  (define known (process-numbers))
  (define deadline (and seconds (+ (now) seconds)))
  (define (late?) (or (shutting-down?) (and deadline (> (now) deadline))))
  (let* ((pid status (launch-main running))
         (end (await-end pid status late?)))
    (cond ((not (or (eqv? end 0) (may-fail? running)))
           (report-early-end running (or end SIGTERM) "")
           #f)
          (else
           (let loop ((tries (if (option running 'pid-file #f) #f 20)))
             (match (forked-main running known (not (eqv? tries 1)))
               (#f
                (cond ((or (late?) (eqv? tries 0))
                       (match (option running 'pid-file #f)
                         (#f (set-running-main! running #f) #t) ;nothing that goes on running
                         (file
                          (unless (shutting-down?)
                            (report "Service ~a is not ready after ~a s: waited for its process ID in ~a."
                                    (running-name running) (shown seconds) file))
                          (end-sessions (list pid))
                          #f)))
                      (else (sleep 0.05) (loop (and tries (- tries 1))))))
               (main
                (set-running-session! running (process-session main))
                (adopt running main)
                #t)))))))

(define (may-fail? running)
  (match (options running 'start)
    (((flags . _) . _) (memq 'may-fail flags))
    (_ #f)))

(define (report-early-end running end what-next)
  (unless (shutting-down?)
    (report "Service ~a ~a after ~a s, before it was ready~a.~a" (running-name running) (describe-end end)
            (shown (- (now) (running-since running))) what-next (where-it-wrote running))))

(define (waited-for running check)
  (cond (check (describe-check check))
        ((running-word running) => (lambda (word) (format #f "it to say that it is ready; it says: ~a" word)))
        (else "it to say that it is ready (sd_notify)")))

(define (await-readiness running check seconds)
  ;; Whether the service is ready in time.
  (define again? (and (option running 'respawn #t) (eq? (option running 'kind 'daemon) 'daemon)))
  (define start (now))
  (define (deadline) (max (+ start seconds) (or (running-sign running) 0)))
  (define (ready-now? left)
    (if check
        (ready? check (running-data running) (running-variables running) left)
        (running-ready? running)))
  ;; A check that costs next to nothing is made often: how late the init notices is a part of how long a start takes.
  (define growth (match check (('command . _) 2) (_ 1.25)))
  (let wait ((pause 0.005) (again-in 1))
    (define left (if (shutting-down?) 0 (- (deadline) (now))))
    (cond ((running-status running)
           => (lambda (end)
                ;; It may have been too early for it, as it may be for one without a check, which would be started again.
                (if (and again? (> left again-in))
                    (begin
                      (report-early-end running end (format #f "; trying again in ~a s" again-in))
                      (end-sessions (list (running-session running)))
                      (sleep again-in)
                      (set-running-log-start! running (file-size (option running 'log "console")))
                      (let ((pid status (launch-main running)))
                        (watch-end running pid status)
                        (wait 0.005 (* 2 again-in))))
                    (begin
                      (report-early-end running end "")
                      #f))))
          ((and (positive? left) (ready-now? left)) #t)
          ((positive? left) (sleep (min pause left)) (wait (min 0.1 (* pause growth)) again-in))
          (else
           (unless (shutting-down?)
             (report "Service ~a is not ready after ~a s: waited for ~a; its process ~a runs; stopping it."
                     (running-name running) (shown (- (now) start)) (waited-for running check) (running-main running)))
           #f))))

(define (start-main running)
  ;; Whether the main process runs and is ready.
  (define check (match (options running 'ready) (() #f) (check check)))
  (define seconds (cond (check (check-timeout check)) (else (option running 'start-timeout #f))))
  (match (option running 'kind 'daemon)
    ('forking
     (and (start-forking running seconds)
          (or (not check) (await-readiness running check seconds))))
    (_
     (let ((pid status (launch-main running)))
       (watch-end running pid status)
       (or (not (or check (option running 'notify #f)))
           (await-readiness running check (or seconds 1e9)))))))

(define (give-up running)
  ;; After a start that failed.
  (let ((main (running-main running)))
    (set-running-main! running #f)
    (when (and main (not (running-status running)))
      (end-process running main))
    (end-sessions (list (running-session running)))
    (finish running)
    #f))

(define (finish running)
  ;; What follows every end of a service.
  (run-commands running 'stop-post (main-variables running) (option running 'stop-timeout 5))
  (close-messages running)
  (for-each close-port (or (running-listeners running) '()))
  (set-running-listeners! running #f)
  (remove-service-directories (running-data running)))

(define (first-start running)
  ;; Make what Debian's packages make when they are installed, such as a database, unless it is there.
  (every (match-lambda
           ((absent . command)
            (or (file-exists? absent)
                (run-command running command (or (default-environment-variables) '()) #f))))
         (options running 'first)))

(define (working-directory? running)
  (define directory (option running 'directory "/"))
  (or (option running 'directory-optional #f)
      (eq? (type-of directory) 'directory)
      (begin
        (report "Service ~a: its working directory ~a is not there." (running-name running) directory)
        #f)))

(define (prepare running)
  ;; #t, 'skip, or #f.
  (set-running-mark! running (new-mark))
  (and (first-start running)
       (make-service-directories (running-data running))
       (working-directory? running)
       (match (service-variables running)
         (#f #f)
         (variables
          (set-running-variables! running variables)
          (match (unmet-condition (options running 'conditions) variables)
            (#f
             (if (run-commands running 'condition variables (option running 'start-timeout #f))
                 (run-commands running 'pre variables (option running 'start-timeout #f))
                 'skip))
            ((and condition (_ _ _ _ _ required?))
             (report "Service ~a is ~a started: ~a is not so." (running-name running)
                     (if required? "not" "left out, not") (describe-condition condition))
             (if required? #f 'skip)))))))

(define (start-service-unit running listeners)
  ;; The process ID of the main process, #t where there is none, or #f. LISTENERS are sockets that are open already, or #f.
  (set-running-main! running #f)
  (set-running-status! running #f)
  (set-running-ready! running #f)
  (set-running-word! running #f)
  (set-running-sign! running #f)
  (set-running-session! running #f)
  (set-running-log-start! running (file-size (option running 'log "console")))
  (match (prepare running)
    (#f (finish running) #f)
    ('skip #t)
    (_
     (listen-to-messages running)
     (set-running-listeners! running (or listeners (open-listeners (running-data running))))
     (cond ((not (running-listeners running)) (finish running) #f)
           ((eq? (option running 'kind 'daemon) 'one-shot) (run-one-shot running))
           ((not (start-main running)) (give-up running))
           ((not (run-commands running 'post (main-variables running) (option running 'start-timeout #f)))
            (give-up running))
           (else
            (watch running)
            (or (running-main running) #t))))))

(define (run-one-shot running)
  (let ((done? (run-commands running 'start (running-variables running) (option running 'start-timeout #f))))
    (if done?
        (run-commands running 'post (running-variables running) (option running 'start-timeout #f))
        (finish running))
    (when (and done? (not (option running 'remain #f)))
      (start-followers running 'on-success))
    done?))

(define (start-at-connection running)
  ;; Listen, and start at the first connection. The Shepherd calls what this returns, to learn the process later.
  (match (open-listeners (running-data running))
    (#f #f)
    (listeners
     (set-running-main! running #f)
     (set-running-listeners! running listeners)
     (let ((service (current-service)))
       (lambda (change-value)
         (spawn-fiber
          (lambda ()
            (wait-for-any-input listeners)
            (when (eq? listeners (running-listeners running)) ;not stopped meanwhile
              (match (start-service-unit running listeners)
                ((? integer? pid)
                 (change-value (pid->process pid))
                 (unless (alive? pid)
                   (report-termination service pid (or (running-status running) 0))))
                (_ #f)))))
         #t)))))
