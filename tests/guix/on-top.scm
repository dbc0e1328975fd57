;;; Builds a derivation that refers to SYSTEM, and adds a file that nobody refers to; prints both.
;;; usage: guix repl -- on-top.scm SHELL-ITEM SYSTEM
(use-modules (guix store) (guix derivations) (ice-9 match))

(match (command-line)
  ((_ shell system)
   (with-store store
     (let ((drv (derivation store "on-top" (string-append shell "/bin/dash")
                            (list "-c" (string-append "echo " system " > $out"))
                            #:sources (list shell system))))
       (build-derivations store (list drv))
       (format #t "~a~%~a~%" (derivation->output-path drv)
               (add-text-to-store store "stray" "nobody refers to this\n"))))))
