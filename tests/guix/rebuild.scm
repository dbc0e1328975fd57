;;; Copies every item of the store by a derivation of its own, and prints item, copy and what Guix finds the copy refers to.
;;; usage: guix repl -- rebuild.scm SHELL COREUTILS-BIN
(use-modules (guix store) (guix derivations) (ice-9 match) (ice-9 ftw) (srfi srfi-1))

(match (command-line)
  ((_ shell coreutils)
   (with-store store
     (let* ((names (scandir "/gnu/store"
                            (lambda (name)
                              (and (> (string-length name) 33) (not (string-suffix? ".lock" name))))))
            (items (filter (lambda (item) (valid-path? store item))
                           (map (lambda (name) (string-append "/gnu/store/" name)) names)))
            (drvs (map (lambda (item)
                         (derivation store "copy" shell
                                     (list "-c" (string-append coreutils "/cp -a " item " $out"))
                                     #:sources items))
                       items)))
       (build-derivations store drvs)
       (for-each (lambda (item drv)
                   (let ((copy (derivation->output-path drv)))
                     (format #t "~a ~a~%" item
                             (string-join (sort (references store copy) string<?) " "))
                     (format #t "~a ~a~%" item
                             (string-join (sort (references store item) string<?) " "))))
                 items drvs)))))
