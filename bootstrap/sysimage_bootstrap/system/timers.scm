;;; Services that run at certain moments.

(use-modules (srfi srfi-1)
             (srfi srfi-71)
             (ice-9 match))

(define (shorten-timers)
  ;; The Shepherd writes a service's value to its log: all moments of a timer are too much of it.
  (false-if-exception
   ((@ (srfi srfi-9 gnu) set-record-type-printer!) (@@ (shepherd service timer) <timer>)
                                                   (lambda (timer port) (display "#<timer>" port)))))

(define (timer-event timer)
  (define days '(sunday monday tuesday wednesday thursday friday saturday))
  (define (constraint keyword name)
    (match (field timer name '())
      (() '())
      (values (list keyword values))))
  (apply calendar-event
         (append (constraint #:minutes 'minutes)
                 (constraint #:hours 'hours)
                 (constraint #:days-of-month 'days-of-month)
                 (constraint #:months 'months)
                 (match (field timer 'days-of-week '())
                   (() '())
                   (numbers (list #:days-of-week (map (lambda (n) (list-ref days n)) numbers)))))))

(define (run-timed running)
  ;; Run the commands once; throws where they fail, which the Shepherd's timer remembers.
  (define done?
    (match (prepare running)
      (#t (let ((done? (run-commands running 'start (running-variables running) #f)))
            (finish running)
            done?))
      (other (->bool other))))
  (start-followers running (if done? 'on-success 'on-failure))
  (unless done?
    (throw 'timer-failed (running-name running))))

(define (timer running)
  ;; Values: the start and stop procedures of a service that runs its commands at certain moments, one at a time.
  (shorten-timers)
  (define start (make-timer-constructor (timer-event (options running 'timer)) (lambda () (run-timed running))))
  (values start (lambda (value) ((make-timer-destructor) value))))

(define (interval-timer running)
  ;; The same for one that counts from the system's start, or from its own last run.
  (define going #f)
  (define (after seconds)
    (let ((mine (list seconds)))
      (set! going mine)
      (spawn-fiber
       (lambda ()
         (sleep seconds)
         (when (and (eq? going mine) (not (shutting-down?)))
           (false-if-exception (run-timed running))
           (match (options running 'every)
             (() #f)
             ((seconds . _) (when (eq? going mine) (after seconds)))))))))
  (values (lambda _
            (match (append (options running 'after-start) (options running 'every))
              (() #f)
              ((seconds . _) (after seconds)))
            #t)
          (lambda _ (set! going #f) #f)))
