;;; What units of systemd say beside their commands: conditions, directories, sockets.

(use-modules (srfi srfi-1)
             (srfi srfi-71)
             (ice-9 match)
             (ice-9 regex))

(define (user-id name) (or (string->number name) (passwd:uid (getpwnam name))))
(define (group-id name) (or (string->number name) (group:gid (getgrnam name))))


;;; Conditions.

(define (type-of path)
  (and=> (false-if-exception (stat path)) stat:type))

(define (glob-expression pattern)
  (string-concatenate
   (map (lambda (c)
          (match c (#\* "[^/]*") (#\? "[^/]") (_ (regexp-quote (string c)))))
        (string->list pattern))))

(define (glob-matches? pattern)
  ;; Whether a path matches a pattern with '*' and '?'.
  (let loop ((directories '("")) (parts (cdr (string-split pattern #\/))))
    (match parts
      (() (pair? directories))
      ((part . rest)
       (let ((expression (make-regexp (string-append "^" (glob-expression part) "$"))))
         (loop (append-map
                (lambda (directory)
                  (if (string-any (lambda (c) (memv c '(#\* #\?))) part)
                      (filter-map (lambda (name)
                                    (and (regexp-exec expression name) (string-append directory "/" name)))
                                  (entries (string-append directory "/")))
                      (let ((path (string-append directory "/" part)))
                        (if (file-exists? path) (list path) '()))))
                directories)
               rest))))))

(define (mount-point? path)
  (let ((own (false-if-exception (stat:dev (stat path))))
        (above (false-if-exception (stat:dev (stat (dirname path))))))
    (and own (or (string=? path "/") (not (eqv? own above))))))

(define (holds? test value variables)
  (match test
    ('always #t)
    ('never #f)
    ('exists (file-exists? value))
    ('glob (glob-matches? value))
    ('directory (eq? (type-of value) 'directory))
    ('link (eq? (and=> (false-if-exception (lstat value)) stat:type) 'symlink))
    ('writable (access? value W_OK))
    ('mount-point (mount-point? value))
    ('not-empty-directory (pair? (entries value)))
    ('not-empty (and (eq? (type-of value) 'regular) (positive? (stat:size (stat value)))))
    ('executable (and (eq? (type-of value) 'regular) (access? value X_OK)))
    ('capability (logbit? (string->number value) (allowed-capabilities)))
    ('environment (if (string-index value #\=)
                      (->bool (member value variables))
                      (->bool (variable-value value variables))))))

(define (unmet-condition conditions variables)
  ;; The first condition that keeps a service from starting, or #f: all must hold, and one of the alternatives.
  (define (met? condition)
    (match condition
      ((_ test value negated? _ _)
       (let ((holds (->bool (false-if-exception (holds? test value variables)))))
         (if negated? (not holds) holds)))))
  (let ((alternatives strict (partition (match-lambda ((_ _ _ _ alternative? _) alternative?)) conditions)))
    (or (find (negate met?) strict)
        (and (pair? alternatives) (not (any met? alternatives)) (car alternatives)))))

(define (describe-condition condition)
  (match condition
    ((name _ value negated? _ _) (string-append name "=" (if negated? "!" "") value))))


;;; Directories.

(define (give-recursively path uid gid)
  ;; As systemd does: only where the directory itself is somebody else's.
  (define (give path)
    (false-if-exception (chown path uid gid))
    (when (eq? (and=> (false-if-exception (lstat path)) stat:type) 'directory)
      (for-each (lambda (name)
                  (let ((inside (string-append path "/" name)))
                    (unless (eq? (and=> (false-if-exception (lstat inside)) stat:type) 'symlink)
                      (give inside))))
                (entries path))))
  (give path))

(define (make-service-directories data)
  ;; #t if all are there.
  (define uid (and=> (field1 data 'user #f) user-id))
  (define gid (and=> (field1 data 'group #f) group-id))
  (every
   (match-lambda
     ((path mode purpose _)
      (make-directories (dirname path))
      (catch 'system-error
        (lambda ()
          (unless (file-exists? path)
            (mkdir path)
            (chmod path mode))
          (when (and uid (zero? (getuid)) (not (string=? purpose "CONFIGURATION")))
            (let ((found (stat path)))
              (unless (and (= (stat:uid found) uid) (= (stat:gid found) (or gid 0)))
                (give-recursively path uid (or gid -1)))))
          #t)
        (lambda args
          (report "cannot make the directory ~a: ~a" path (strerror (system-error-errno args)))
          #f))))
   (field data 'directories '())))

(define (remove-service-directories data)
  (for-each (match-lambda
              ((path _ _ #t) (delete-tree path))
              (_ #f))
            (field data 'directories '())))

(define (delete-tree path)
  (if (eq? (and=> (false-if-exception (lstat path)) stat:type) 'directory)
      (begin
        (for-each (lambda (name) (delete-tree (string-append path "/" name))) (entries path))
        (false-if-exception (rmdir path)))
      (false-if-exception (delete-file path))))

(define (directory-variables data)
  (define purposes (delete-duplicates (map third (field data 'directories '()))))
  (map (lambda (purpose)
         (string-append purpose "_DIRECTORY="
                        (string-join (filter-map (match-lambda ((path _ kind _) (and (string=? kind purpose) path)))
                                                 (field data 'directories '()))
                                     ":")))
       purposes))


;;; Sockets that a service finds open.

(define (listening-socket style address port mode user group backlog)
  (define kind (match style ('stream SOCK_STREAM) ('datagram SOCK_DGRAM) ('packet 5)))
  (define family (cond ((not port) AF_UNIX) ((string-index address #\:) AF_INET6) (else AF_INET)))
  (define listener (socket family (logior kind SOCK_CLOEXEC) 0))
  (if port
      (setsockopt listener SOL_SOCKET SO_REUSEADDR 1)
      (begin
        (make-directories (dirname address))
        (false-if-exception (delete-file address))))
  (if port
      (bind listener family (inet-pton family address) port)
      (bind listener (make-socket-address AF_UNIX address)))
  (unless port
    (when (zero? (getuid))
      (chown address (user-id user) (group-id group)))
    (chmod address mode))
  (unless (eq? style 'datagram)
    (listen listener backlog))
  listener)

(define (open-listeners data)
  ;; The sockets in their order, or #f after saying which cannot be opened.
  (let loop ((listeners (field data 'listeners '())) (result '()))
    (match listeners
      (() (reverse result))
      (((style address port _ mode user group backlog) . rest)
       (match (catch 'system-error
                (lambda () (listening-socket style address port mode user group backlog))
                (lambda args
                 (if (and (string=? address "::") (= (system-error-errno args) EAFNOSUPPORT))
                  (listening-socket style "0.0.0.0" port mode user group backlog) ;a container without IPv6
                  (begin
                  (report "cannot listen at ~a~a: ~a" address (if port (format #f " port ~a" port) "")
                          (strerror (system-error-errno args)))
                  #f))))
         (#f (for-each close-port result) #f)
         (listener (loop rest (cons listener result))))))))

(define (listener-variables data)
  (match (field data 'listeners '())
    (() '())
    (listeners
     (list (format #f "LISTEN_FDS=~a" (length listeners))
           (string-append "LISTEN_FDNAMES="
                          (string-join (map (match-lambda ((_ _ _ name . _) name)) listeners) ":"))))))
