;;; What 'runtime.scm' finds where it is loaded. That is compiled where no Shepherd is, so that it knows its modules by
;;; the names of their procedures alone; what is syntax in them gets a procedure here.
;;;
;;; This file is the same in every system, and the only one that is read as it is.

(use-modules (shepherd service)
             (shepherd service timer)
             ((shepherd support) #:select (local-output))
             ((shepherd system) #:prefix system:)
             (fibers channels))

(define (process-number process)
  (process-id process))

(define (report message . arguments)
  (local-output "~a" (apply format #f message arguments)))
