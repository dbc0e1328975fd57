;;; Puts Debian's programs where the packages of a system would be, and has Guix build everything else of it.
;;;
;;; What a system is made of are derivations of two kinds: packages, which are compiled or fetched, and everything that Guix
;;; computes of them: boot, activate, shepherd.conf, /etc, the profile. Neither sources nor substitutes of packages can
;;; be fetched everywhere, so their outputs are filled with links to items that sysimage made of Debian's packages, and
;;; registered as valid. The derivations, their names and hashes stay Guix's own.
;;;
;;; usage: guix repl -- provide.scm SYSTEM.drv
;;; Prints, for each output, its path and the packages of Debian in it; last, the item for /usr.
(use-modules (guix build store-copy) (guix build union) ((guix build utils) #:select (package-name->name+version))
             ((guix config) #:select (%state-directory)) (guix derivations) (guix store) (guix store database)
             (gcrypt hash) (ice-9 ftw) (ice-9 match) (rnrs bytevectors) (srfi srfi-1) (srfi srfi-71))

(define %packages
  ;; Package of Guix → packages of Debian. What stands alone is asked for but never opened: its users are profile hooks
  ;; that find nothing to do.
  '(("bash" "bash") ("coreutils" "coreutils") ("fuse" "fuse3") ("glibc" "libc-bin" "locales")
    ("glibc-utf8-locales" "libc-bin") ("guile" "guile-3.0" "guile-3.0-libs") ("guile-fibers" "guile-fibers")
    ("guile-zlib" "guile-zlib") ("gzip" "gzip") ("inetutils" "inetutils-ping") ("libcap" "libcap2-bin") ("linux-pam" "libpam-modules" "libpam-modules-bin")
    ("net-base" "netbase") ("shadow" "passwd" "login" "uidmap" "util-linux") ("shepherd" "shepherd") ("sudo" "sudo")
    ("texinfo" "install-info") ("tzdata" "tzdata") ("util-linux" "util-linux" "mount")
    ("guile-zstd") ("kmod") ("linux-dummy") ("mkfontdir") ("mkfontscale")))

(define %links
  ;; Package of Guix → names that its users know, and what Debian calls the same.
  '(("bash" ("bin/sh" . "bash"))
    ("guile" ("bin/guile" . "guile-3.0"))
    ("linux-pam" ("lib/security" . "x86_64-linux-gnu/security"))))

(define (packages-of drv)
  ;; The packages of Debian for the package that DRV builds, or #f where it is none of %packages.
  (let ((name version (package-name->name+version (derivation-name drv))))
    (and version (assoc-ref %packages name))))

(define (debian name)
  ;; The item of the package NAME, which has its own documentation, and no link to it.
  (define (its-own? item)
    (let ((file (string-append item "/share/doc/" name "/copyright")))
      (and (file-exists? file) (eq? 'regular (stat:type (lstat file))))))
  (match (filter its-own?
                 (map (lambda (entry) (string-append (%store-prefix) "/" entry))
                      (scandir (%store-prefix)
                               (lambda (entry)
                                 (and (> (string-length entry) 33)
                                      (string-prefix? (string-append name "-") (string-drop entry 33)))))))
    ((item) item)
    (items (error "the store must have one item of the package" name items))))

(define (packages-below file)
  ;; Every package that the derivation in FILE needs directly, or through derivations that are not packages, as a list of
  ;; derivation and output.
  (define seen (make-hash-table))
  (define (walk drv outputs)
    (cond ((packages-of drv)
           (map (lambda (output) (list drv output)) outputs))
          ((hash-ref seen (derivation-file-name drv)) '())
          (else
           (hash-set! seen (derivation-file-name drv) #t)
           (append-map (lambda (input)
                         (walk (derivation-input-derivation input) (derivation-input-sub-derivations input)))
                       (derivation-inputs drv)))))
  (walk (read-derivation-from-file file) '("out")))

(define (link-together path items links)
  ;; Make PATH the union of ITEMS, with LINKS.
  (match items
    (() (mkdir path))
    (_ (union-build path items #:create-all-directories? #t #:log-port (%make-void-port "w"))))
  (for-each (match-lambda ((name . target) (symlink target (string-append path "/" name))))
            links))

(define (register path references)
  (reset-timestamps path)
  (with-database (string-append %state-directory "/db/db.sqlite") db
    (register-items db (list (store-info path #f references)) #:log-port (%make-void-port "w"))))

(define (usr store items)
  ;; Debian's programs look below /usr for what is theirs: an item to stand there, of ITEMS and all they need. It is no
  ;; output of a derivation, since that would need Guile, which needs it.
  (let* ((closure (sort (requisites store items) string<?))
         (path (store-path "output:out" (sha256 (string->utf8 (string-join closure "\n"))) "usr")))
    (unless (valid-path? store path)
      (link-together path closure '())
      (register path closure))
    path))

(define (provide store drv output usr)
  (define path (derivation->output-path drv output))
  (unless (valid-path? store path)
    (let* ((items (map debian (packages-of drv)))
           (name (package-name->name+version (derivation-name drv)))
           (guile? (string=? name "guile"))) ;whatever else there is, is run by it
      (link-together path items (append (if guile? `(("usr" . ,usr)) '()) (or (assoc-ref %links name) '())))
      (register path (if guile? (cons usr items) items))
      (format #t "~a~{ ~a~}~%" path (packages-of drv)))))

(match (command-line)
  ((_ file)
   (with-store store
     (let* ((packages (packages-below file))
            (usr (usr store (map debian (delete-duplicates (append-map (compose packages-of first) packages))))))
       (for-each (match-lambda ((drv output) (provide store drv output usr)))
                 packages)
       (format #t "~a /usr~%" usr)))))
