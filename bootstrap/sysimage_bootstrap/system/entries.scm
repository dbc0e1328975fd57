;;; The names in directories. Guile's 'scandir' would load what sorts by language.
;;;
;;; This file is the same in every system.

(use-modules (ice-9 match))

(define (entries directory)
  ;; The names in a directory, none where it cannot be read.
  (or (false-if-exception
       (let ((stream (opendir directory)))
         (let loop ((names '()))
           (match (readdir stream)
             ((? eof-object?) (closedir stream) names)
             ((or "." "..") (loop names))
             (name (loop (cons name names)))))))
      '()))
