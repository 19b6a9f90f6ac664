-- Tells this store from any other, so that what is copied from it elsewhere is known for its own.
create table identity (id text not null);

insert into identity (id) values (lower(hex(randomblob(8))));
