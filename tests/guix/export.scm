;;; Prints the items that SYSTEM needs as `nix-store --dump-db` would: path, hash, size, no deriver, references.
;;; usage: guix repl -- export.scm SYSTEM
(use-modules (guix base16) (guix store) (ice-9 match))

(match (command-line)
  ((_ system)
   (with-store store
     (for-each (lambda (item)
                 (let* ((info (query-path-info store item))
                        (references (sort (path-info-references info) string<?)))
                   (format #t "~a~%~a~%~a~%~%~a~%~{~a~%~}" item
                           (bytevector->base16-string (path-info-hash info)) (path-info-nar-size info)
                           (length references) references)))
               (sort (requisites store (list system)) string<?)))))
