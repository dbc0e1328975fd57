;;; What the programs of the init find where they are loaded. Those are compiled where no Shepherd is, so that they know
;;; its modules by the names of their procedures alone; what is syntax in them, or their own affair, gets a procedure here.
;;;
;;; This file is the same in every system, and the only one that is read as it is.

(use-modules (shepherd service)
             ((shepherd support) #:select (local-output))
             ((shepherd system) #:prefix system:)
             ((fibers) #:select (spawn-fiber))
             ((fibers operations) #:select (perform-operation choice-operation))
             ((fibers io-wakeup) #:select (wait-until-port-readable-operation))
             (fibers channels))

;; It takes a calendar: for systems that have timers.
(module-autoload! (current-module) '(shepherd service timer)
                  '(calendar-event make-timer-constructor make-timer-destructor timer-trigger-action))

(define (process-number process)
  (process-id process))

(define (report message . arguments)
  (local-output "~a" (apply format #f message arguments)))

(define (wait-for-input port)
  (perform-operation (wait-until-port-readable-operation port)))

(define (await-process pid)
  ;; A channel that gets the status of the process PID at its end.
  (let ((reply (make-channel)))
    (put-message ((@@ (shepherd service) current-process-monitor)) (list 'await pid reply))
    reply))

(define (report-termination service pid status)
  ((@@ (shepherd service) handle-service-termination) service pid status))

(define (wait-for-any-input ports)
  (perform-operation (apply choice-operation (map wait-until-port-readable-operation ports))))

(define (pid->process pid)
  ((@@ (shepherd service) pid->process) pid))

(define (start-unread . arguments)
  ;; As 'start-command', for a process that is no service's and whose output is the console's.
  (parameterize ((current-service #f))
    (apply start-command arguments)))
