;;; How the services of a system run under the Shepherd (1.0).
;;;
;;; What a system declares follows this file as quoted data in a call of 'run-system'.

(use-modules (srfi srfi-1)
             (srfi srfi-71)
             (ice-9 match))


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


;;; All services.

(define (reload-action running)
  (action 'reload
          (lambda _
            (unless (run-commands running 'reload (main-variables running) (option running 'start-timeout #f))
              (throw 'reload-failed (running-name running)))
            (for-each reload-if-running (options running 'reloads))
            #t)
          "Let the service read its configuration again."))

(define (reload-if-running name)
  (let ((service (lookup-service name)))
    (when (and service (service-running? service) (lookup-service-action service 'reload))
      (perform-service-action service 'reload))))

(define (with-followers running start)
  ;; START, after whose failure those services are started that the unit names for it.
  (lambda arguments
    (or (apply start arguments)
        (begin
          (start-followers running 'on-failure)
          #f))))

(define (declared-service shell declaration)
  (match declaration
    ((name . data)
     (define running (make-running shell name data))
     (define kind (field1 data 'kind 'daemon))
     (define once? (and (eq? kind 'one-shot) (not (field1 data 'remain #f))))
     (define start-now
       (with-followers running
                       (if (field1 data 'lazy #f)
                           (lambda _ (start-at-connection running))
                           (lambda _ (start-service-unit running #f)))))
     (let ((start stop (match kind
                         ('timer (timer running))
                         ('interval (interval-timer running))
                         (_ (values start-now (lambda _ (stop-service-unit running)))))))
       (service (list name)
                #:documentation (field1 data 'description "")
                #:requirement (field data 'requires '())
                #:one-shot? once?
                #:respawn? (and (memq kind '(daemon forking)) (field1 data 'respawn #t)) ;for people: 'handle-end' does it
                #:start (if (and once? (field1 data 'auto-start #t)) (once start) start)
                #:stop stop
                #:termination-handler (handle-end running)
                #:actions `(,@(if (eq? kind 'timer) (list timer-trigger-action) '())
                            ,@(if (and (null? (field data 'reload '())) (null? (field data 'reloads '())))
                                  '()
                                  (list (reload-action running)))))))))

(define (once start)
  ;; Once it has succeeded it is done: the Shepherd asks again whenever a service that requires it is started again.
  (define done? #f)
  (lambda arguments
    (unless done?
      (set! done? (apply start arguments)))
    done?))

(define (run-system shell log? declarations)
  (when (in-container?)
    (end-with-the-container))
  (when log?
    (serve-log))
  (register-services (map (lambda (declaration) (declared-service shell declaration)) declarations))
  (start-in-the-background
   (filter-map (match-lambda
                 ((name . data) (and (field1 data 'auto-start #t) name)))
               declarations)))
