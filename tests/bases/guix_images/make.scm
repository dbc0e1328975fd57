;; Makes the images beside this file as Guix 1.5.0's own code writes them (guix/docker.scm, guix/build/profiles.scm).
;;
;;     guix repl -- make.scm OUTPUT layered|plain
;;
;; It makes three items and a profile of them in /gnu/store first, with modes as a daemon leaves them.
(use-modules (guix docker) (guix build profiles) (guix build utils) (srfi srfi-1) (srfi srfi-19) (ice-9 match))

(define (item letter name) (string-append "/gnu/store/0h1k2m3n4p5q6r7s8v9w0x1y2z3a4b5" (string letter) "-" name))
(define libc (item #\c "libc-2.41"))
(define shell (item #\s "shell-1.0"))
(define data (item #\d "data-1"))
(define profile (item #\p "profile"))

;; The header of an ELF file for x86-64 that needs nothing: as far as anybody looks, a program.
(define program
  (list->string
   (map integer->char
        (append '(127 69 76 70 2 1 1) (make-list 9 0)
                '(2 0 62 0 1 0 0 0) '(0 0 64 0 0 0 0 0) '(64 0 0 0 0 0 0 0) (make-list 8 0)
                (make-list 4 0) '(64 0 56 0 0 0 64 0 0 0 0 0)))))

(define (write-file name text mode)
  (mkdir-p (dirname name))
  (with-fluids ((%default-port-encoding "ISO-8859-1"))
    (call-with-output-file name (lambda (port) (display text port))))
  (chmod name mode))

(unless (file-exists? profile)
  (write-file (string-append libc "/lib/libc.so") "a library\n" #o444)
  (write-file (string-append shell "/bin/sh") program #o555)
  (write-file (string-append shell "/share/needs") libc #o444)
  ;; The daemon links equal files to each other.
  (link (string-append shell "/bin/sh") (string-append shell "/bin/bash"))
  (for-each (lambda (name) (write-file (string-append data "/share/" name) name #o444))
            '("z" "a" "m" "Z" "a.b" "a-b"))
  (build-profile profile
                 `(manifest (version 4)
                            (packages ,(map (lambda (path)
                                              `("x" "1" "out" ,path (propagated-inputs ()) (search-paths ())))
                                            (list shell data)))))
  (for-each (lambda (top)
              (for-each (lambda (name)
                          (unless (eq? 'symlink (stat:type (lstat name)))
                            (chmod name (if (or (file-is-directory? name) (executable-file? name)) #o555 #o444))))
                        (find-files top #:directories? #t)))
            (list libc shell data profile)))

(match (command-line)
  ((_ output form)
   (build-docker-image output (list profile libc shell data) profile
                       #:system "x86_64-linux"
                       #:repository "shell"
                       #:entry-point (list (string-append profile "/bin/sh"))
                       #:environment `(("PATH" . ,(string-append profile "/bin")))
                       #:extra-files `((directory "/tmp" 0 0 #o1777) ("/bin" -> ,(string-append profile "/bin")))
                       #:creation-time (make-time time-utc 0 1)
                       #:compressor '("gzip" "-9n")
                       #:max-layers (and (string=? form "layered") 10))))
