;;; How the services of a system run under the Shepherd (1.0).
;;;
;;; This file is the same in every system; what a system declares follows it as quoted data in a call of 'run-system'.
;;; Services write to the container's own standard output and error: the descriptors are inherited, so that not a byte
;;; is changed, the init never copies or blocks on output, and an unprivileged service needs no permission to open them.

;;; It is compiled where there is no Shepherd: 'shepherd.scm' comes before it.

(use-modules (srfi srfi-1)
             (srfi srfi-71)
             (ice-9 match))

;; Arguments and environment are encoded in the locale's encoding: it must be able to say everything.
(false-if-exception (setlocale LC_CTYPE "C.UTF-8"))

(define (field data name default)
  ;; The rest of the list in DATA that begins with NAME.
  (match (assq name data)
    (#f default)
    ((_ . rest) rest)))

(define (field1 data name default)
  (match (assq name data)
    (#f default)
    ((_ value) value)))


;;; The end.

(define (in-container?)
  ;; The kernel gives the first PID namespace this number (PROC_PID_INIT_INO).
  (not (equal? (false-if-exception (readlink "/proc/self/ns/pid")) "pid:[4026531836]")))

(define (end-with-the-container)
  ;; In a container there is nothing to reboot or power off, and mostly no right to: reboot(2) would fail and leave the
  ;; init waiting to be killed. Every way of shutting down ends with exit status 0 instead.
  (define (leave . _)
    (sleep 0.05)                        ;let the last lines reach the log
    (primitive-exit 0))
  (for-each (lambda (name)
              (module-set! (resolve-module '(shepherd system)) name leave))
            '(reboot halt power-off)))


;;; Processes.

(define console-ports
  (map (lambda (descriptor) (fdopen (dup->fdes descriptor) "w")) '(1 2)))

(define (logged-command shell name command log)
  ;; COMMAND with its output sent where LOG says. The shell becomes the program: it costs no process.
  (define (redirected redirections)
    (cons* shell "-c" (string-append "exec \"$@\" " redirections) name command))
  (match log
    ("console" (redirected ">&3 2>&4 3>&- 4>&-"))
    ("none" (redirected ">/dev/null 2>&1 3>&- 4>&-"))
    (_ command)))

(define (merge-environment additions)
  ;; The environment of the container, with ADDITIONS ("NAME=value") in place of what has the same name.
  (define (name variable)
    (substring variable 0 (or (string-index variable #\=) (string-length variable))))
  (let ((names (map name additions)))
    (append additions
            (remove (lambda (variable) (member (name variable) names)) (default-environment-variables)))))

(define (identity-options data)
  ;; Who a process runs as, where and with what. Only root can become somebody else: in a container that runs as another
  ;; user (docker run --user), every service runs as that user.
  `(,@(if (zero? (getuid))
          `(#:user ,(field1 data 'user #f)
            #:group ,(field1 data 'group #f)
            #:supplementary-groups ,(field data 'supplementary-groups '()))
          '())
    #:directory ,(field1 data 'directory "/")
    #:environment-variables ,(merge-environment (field data 'environment '()))))

(define (process-options data)
  (let ((log (field1 data 'log "console")))
    `(,@(identity-options data)
      ,@(if (member log '("console" "none"))
            `(#:extra-ports ,console-ports)
            `(#:log-file ,log)))))

(define (process-command shell name data)
  (logged-command shell (symbol->string name) (field data 'command '()) (field1 data 'log "console")))

(define (alive? pid)
  (false-if-exception (begin (kill pid 0) #t)))

(define (end-group pid)
  ;; End what a service's main process left in its process group, as a worker that still holds the service's port.
  (define group (- pid))
  (when (alive? group)
    (false-if-exception (kill group SIGTERM))
    (let wait ((tries 40))
      (when (alive? group)
        (if (positive? tries)
            (begin (sleep 0.05) (wait (- tries 1)))
            (false-if-exception (kill group SIGKILL)))))))

(define (handle-termination service process status)
  (end-group (process-number process))
  (default-service-termination-handler service process status))

(define (stop-procedure data)
  (define stop
    (make-kill-destructor (field1 data 'stop-signal SIGTERM) #:grace-period (field1 data 'stop-timeout 5)))
  (lambda (process . _)
    (stop process)
    (end-group (process-number process))
    #f))


;;; Readiness.

(define (now)
  (/ (get-internal-real-time) internal-time-units-per-second))

(define (port-accepts? address port)
  ;; Never blocks: the init does nothing else meanwhile.
  (define family (if (string-index address #\:) AF_INET6 AF_INET))
  (define socket-port (socket family (logior SOCK_STREAM SOCK_NONBLOCK SOCK_CLOEXEC) 0))
  (define accepted?
    (false-if-exception
     (let ((target (make-socket-address family (inet-pton family address) port)))
       (catch 'system-error
         (lambda () ((@ (guile) connect) socket-port target) #t)
         (lambda args
           (and (= (system-error-errno args) EINPROGRESS)
                (let loop ((tries 10))
                  (match (select '() (list socket-port) '() 0)
                    ((_ () _) (and (positive? tries) (begin (sleep 0.05) (loop (- tries 1)))))
                    (_ (zero? (getsockopt socket-port SOL_SOCKET SO_ERROR)))))))))))
  (close-port socket-port)
  accepted?)

(define (shutting-down?)
  ;; The Shepherd stops a service that is being started only once it has started: whatever waits must then give up.
  (not (memq (service-status root-service) '(running starting))))

(define (await-end pid status give-up?)
  ;; The exit status of a command that was started, or #f after ending it because GIVE-UP? says so.
  (match (get-message* status 0.2 'running)
    ('running
     (if (give-up?)
         (begin
           (false-if-exception (kill (- pid) SIGTERM))
           (when (eq? 'running (get-message* status 2 'running))
             (false-if-exception (kill (- pid) SIGKILL))
             (get-message status))
           #f)
         (await-end pid status give-up?)))
    (exit-status exit-status)))

(define (command-succeeds? command data seconds)
  (let ((pid status (apply start-command command (identity-options data)))
        (deadline (+ (now) seconds)))
    (eqv? 0 (await-end pid status (lambda () (or (shutting-down?) (> (now) deadline)))))))

(define (ready? check data seconds)
  (match check
    (('tcp address port _) (port-accepts? address port))
    (('file file _) (file-exists? file))
    (('command _ . command) (command-succeeds? command data seconds))))

(define (check-timeout check)
  (match check
    (('tcp _ _ seconds) seconds)
    (('file _ seconds) seconds)
    (('command seconds . _) seconds)))


;;; Services.

;; The Shepherd writes a service's value to its log: all moments of a timer are too much of it.
(false-if-exception
 ((@ (srfi srfi-9 gnu) set-record-type-printer!) (@@ (shepherd service timer) <timer>)
                                                 (lambda (timer port) (display "#<timer>" port))))

(define (daemon-start shell name data)
  (define check (field data 'ready #f))
  (define again? (field1 data 'respawn #t))
  (define grace-period (field1 data 'stop-timeout 5))
  (define (launch)
    (apply fork+exec-command (process-command shell name data) (process-options data)))
  (define (wait deadline pid)
    (define left (if (shutting-down?) 0 (- deadline (now))))
    (cond ((not (alive? pid))
           ;; It may have been too early for it, as it may be for one without a check, which would be started again.
           (if (and again? (> left 1))
               (begin
                 (report "Service ~a ended before it was ready; trying again." name)
                 (sleep 1)
                 (wait deadline (launch)))
               #f))
          ((and (positive? left) (ready? check data left)) pid)
          ((positive? left) (sleep 0.1) (wait deadline pid))
          (else
           (unless (shutting-down?)
             (report "Service ~a is not ready in time; stopping it." name))
           (terminate-process (- pid) SIGTERM #:grace-period grace-period)
           #f)))
  (lambda _
    (let ((pid (launch)))
      (if check
          (wait (+ (now) (check-timeout check)) pid)
          pid))))

(define (run-to-end shell name data started)
  ;; Run the command and return its exit status; STARTED is called with its process ID.
  (let ((pid status (apply start-command (process-command shell name data) (process-options data))))
    (started pid)
    (or (await-end pid status shutting-down?) SIGTERM)))

(define (one-shot-start shell name data)
  ;; Once it has succeeded it is done: the Shepherd asks again whenever a service that requires it is started again.
  (define done? #f)
  (lambda _
    (unless done?
      (let ((status (run-to-end shell name data (const #t))))
        (if (zero? status)
            (set! done? #t)
            (report "One-shot ~a failed: exit status ~a." name (or (status:exit-val status) status)))))
    done?))

(define (timer-event data)
  (define days '(sunday monday tuesday wednesday thursday friday saturday))
  (define (constraint keyword name)
    (match (field data name '())
      (() '())
      (values (list keyword values))))
  (apply calendar-event
         (append (constraint #:minutes 'minutes)
                 (constraint #:hours 'hours)
                 (constraint #:days-of-month 'days-of-month)
                 (constraint #:months 'months)
                 (match (field data 'days-of-week '())
                   (() '())
                   (numbers (list #:days-of-week (map (lambda (n) (list-ref days n)) numbers)))))))

(define (timer shell name data)
  ;; Values: the start and stop procedures of a service that runs its command at certain moments, one at a time.
  (define running #f)
  (define start
    (make-timer-constructor
     (timer-event (field data 'timer '()))
     (lambda ()
       (let ((status (run-to-end shell name data (lambda (pid) (set! running pid)))))
         (set! running #f)
         (unless (zero? status)
           (report "Timer ~a: exit status ~a." name (or (status:exit-val status) status))
           (throw 'timer-failed status))))))
  (define (stop value)
    (when running
      (terminate-process (- running) (field1 data 'stop-signal SIGTERM)
                         #:grace-period (field1 data 'stop-timeout 5)))
    ((make-timer-destructor) value))
  (values start stop))

(define (declared-service shell declaration)
  (match declaration
    ((name . data)
     (define kind (field1 data 'kind 'daemon))
     (define kill (stop-procedure data))
     (define start
       (match kind
         ('daemon (daemon-start shell name data))
         ('one-shot (one-shot-start shell name data))
         ('timer #f)))
     (let ((start stop (if start (values start kill) (timer shell name data))))
       (service (list name)
                #:documentation (field1 data 'description "")
                #:requirement (field data 'requires '())
                #:one-shot? (eq? kind 'one-shot)
                #:respawn? (and (eq? kind 'daemon) (field1 data 'respawn #t))
                ;; Half a minute of trouble is survived, a program that can never work is given up after it.
                #:respawn-delay 0.5
                #:respawn-limit '(40 . 30)
                #:start start
                #:stop stop
                #:termination-handler handle-termination
                #:actions (if (eq? kind 'timer) (list timer-trigger-action) '()))))))

(define (run-system shell declarations)
  (when (in-container?)
    (end-with-the-container))
  (register-services (map (lambda (declaration) (declared-service shell declaration)) declarations))
  (start-in-the-background
   (filter-map (match-lambda
                 ((name . data) (and (field1 data 'auto-start #t) name)))
               declarations)))
